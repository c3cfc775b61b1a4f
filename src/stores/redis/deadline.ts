/**
 * Waits for an answer, but not beyond a deadline.
 *
 * A process that was busy runs its due timers before it reads its sockets. So when the deadline
 * passes, sockets are read once more before the answer counts as late: it may have arrived in time.
 */
export function answerWithin<T>(answer: Promise<T>, deadlineMs: number, late: T): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => setImmediate(resolve, late), deadlineMs);
    answer.finally(() => clearTimeout(timer)).then(resolve, reject);
  });
}

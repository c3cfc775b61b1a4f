import { describe, expect, it } from 'vitest';

import { sendBatch } from './batch-sending.ts';
import { GROUP_COMMIT, GroupCommit, type GroupCommitSettings } from './group-commit.ts';

/** A store that answers a batch when it is told to. */
class Desk {
  readonly batches: (readonly number[])[] = [];
  readonly #answer: ((answers: readonly (string | Error)[]) => void)[] = [];

  readonly send = (ops: readonly number[]): Promise<readonly (string | Error)[]> => {
    this.batches.push(ops);
    return new Promise((resolve) => this.#answer.push(resolve));
  };

  answerNext(answerOf: (op: number) => string | Error = (op) => `done ${op}`): void {
    const answered = this.batches.length - this.#answer.length;
    this.#answer.shift()?.((this.batches[answered] ?? []).map(answerOf));
  }
}

function groupOn(
  desk: Desk,
  change: Partial<GroupCommitSettings> = {},
): GroupCommit<number, string> {
  return new GroupCommit<number, string>(
    { ...GROUP_COMMIT, deadlineMs: 5_000, ...change },
    desk.send,
  );
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('group commit', () => {
  it('sends what arrives in one turn together, and what arrives meanwhile in the next batch', async () => {
    const desk = new Desk();
    const group = groupOn(desk, { lanes: 1, maxBatch: 3 });
    const first = [1, 2].map((op) => group.submit(op));
    await turn();
    const second = [3, 4, 5, 6].map((op) => group.submit(op));
    await turn();
    expect(desk.batches).toEqual([[1, 2]]);
    desk.answerNext();
    expect(await Promise.all(first)).toEqual(['done 1', 'done 2']);
    await turn();
    expect(desk.batches).toEqual([
      [1, 2],
      [3, 4, 5],
    ]);
    desk.answerNext();
    await turn();
    await turn();
    desk.answerNext();
    expect(await Promise.all(second)).toEqual(['done 3', 'done 4', 'done 5', 'done 6']);
  });

  it('has no more batches under way than lanes', async () => {
    const desk = new Desk();
    const group = groupOn(desk, { lanes: 2, maxBatch: 1 });
    const answers = [1, 2, 3].map((op) => group.submit(op));
    await turn();
    await turn();
    expect(desk.batches).toHaveLength(2);
    for (let batch = 0; batch < 3; batch += 1) {
      desk.answerNext();
      await turn();
      await turn();
    }
    expect(await Promise.all(answers)).toHaveLength(3);
  });

  it('never sends what waited past its deadline', async () => {
    const desk = new Desk();
    const group = groupOn(desk, { lanes: 1, deadlineMs: 20 });
    const sent = group.submit(1);
    await turn();
    const waiting = group.submit(2);
    expect(await sent).toMatchObject({ kind: 'unavailable' });
    expect(await waiting).toMatchObject({ kind: 'unavailable' });
    desk.answerNext();
    await turn();
    await turn();
    expect(desk.batches).toEqual([[1]]);
    await group.close();
  });

  it('turns callers away past its bound', async () => {
    const desk = new Desk();
    const group = groupOn(desk, { maxWaiting: 1 });
    const taken = group.submit(1);
    const refused = await group.submit(2);
    expect(refused).toMatchObject({ kind: 'overloaded' });
    await turn();
    desk.answerNext();
    expect(await taken).toBe('done 1');
  });

  it('an Error rejects its op alone; a store that throws rejects the batch, and the next goes on', async () => {
    const desk = new Desk();
    const group = groupOn(desk);
    const answers = [1, 2].map((op) => group.submit(op));
    await turn();
    desk.answerNext((op) => (op === 1 ? new Error('defect') : 'fine'));
    const [bad, good] = await Promise.allSettled(answers);
    expect([bad?.status, good?.status]).toEqual(['rejected', 'fulfilled']);
    const throwing = new GroupCommit<number, string>(GROUP_COMMIT, () =>
      Promise.reject(new Error('gone')),
    );
    await expect(throwing.submit(1)).rejects.toThrow('gone');
    await throwing.close();
  });
});

describe('sending a batch', () => {
  const refusal = (code: string): Error => Object.assign(new Error(code), { code });

  it('tries collisions again a bounded number of times', async () => {
    let tries = 0;
    const collideUntil = (last: number) => (ops: readonly number[]) => {
      tries += 1;
      return tries < last ? Promise.reject(refusal('40001')) : Promise.resolve(ops.map(String));
    };
    expect(await sendBatch([1, 2], collideUntil(3))).toEqual(['1', '2']);
    tries = 0;
    expect(await sendBatch([1], collideUntil(99))).toMatchObject([{ kind: 'unavailable' }]);
    expect(tries).toBe(4);
  });

  it('finds the one op that the database refuses, and answers the others', async () => {
    const send = (ops: readonly number[]) =>
      ops.includes(6) ? Promise.reject(refusal('22P02')) : Promise.resolve(ops.map(String));
    const answers = await sendBatch([1, 2, 3, 4, 5, 6, 7], send);
    expect(answers.map((answer) => answer instanceof Error)).toEqual([
      false,
      false,
      false,
      false,
      false,
      true,
      false,
    ]);
  });

  it('never repeats what may have been applied', async () => {
    let tries = 0;
    const answers = await sendBatch([1, 2], () => {
      tries += 1;
      return Promise.reject(new Error('Connection terminated unexpectedly'));
    });
    expect(answers).toMatchObject([{ kind: 'unavailable' }, { kind: 'unavailable' }]);
    expect(tries).toBe(1);
  });
});

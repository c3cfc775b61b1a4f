/** Far above any row of a trace; keeps a file that is not text from filling the memory. */
const MAX_LINE_CHARACTERS = 65_536;

export class LineTooLong extends Error {
  override readonly name = 'LineTooLong';
}

/**
 * Lines of a text that arrives in pieces, without their ends (LF or CRLF): those of a piece at
 * once. Beside a piece at most one line is kept in memory.
 * @throws LineTooLong beyond 65,536 characters
 */
export async function* linesOf(pieces: AsyncIterable<string>): AsyncGenerator<readonly string[]> {
  let rest = '';
  for await (const piece of pieces) {
    const lines = (rest + piece).split('\n');
    rest = lines.pop() ?? '';
    yield lines.map(withoutReturn);
    if (rest.length > MAX_LINE_CHARACTERS) throw new LineTooLong();
  }
  if (rest !== '') yield [withoutReturn(rest)];
}

function withoutReturn(line: string): string {
  return line.endsWith('\r') ? line.slice(0, -1) : line;
}

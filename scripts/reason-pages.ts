import { REASONS, type ReasonCode, type ReasonPage } from '../src/decision/reasons.ts';

/** The pages of docs/reasons by file name: one per reason code, and the index. */
export function reasonPages(): ReadonlyMap<string, string> {
  const codes = Object.keys(REASONS) as ReasonCode[];
  const pages = codes.map((code): [string, string] => [`${code}.md`, page(code, REASONS[code])]);
  return new Map([['README.md', index(codes)], ...pages]);
}

function index(codes: readonly ReasonCode[]): string {
  const rows = codes.map((code) => {
    const { stage, kind, meaning } = REASONS[code];
    return `| [\`${code}\`](${code}.md) | ${stage} | ${kind} | ${meaning} |`;
  });
  return `# Reason codes

Every answer says why. A denial lists every reason of the stage that denied; stages come in the order of this table.
Advice never decides. The pages are written from \`src/decision/reasons.ts\` by \`make gen\`.

| code | stage | kind | meaning |
| --- | --- | --- | --- |
${rows.join('\n')}
`;
}

function page(code: ReasonCode, { stage, kind, meaning, caller, operator }: ReasonPage): string {
  return `# \`${code}\`

${meaning}

| | |
| --- | --- |
| stage | ${stage} |
| kind | ${kind === 'denial' ? 'denial: the call must not be made' : 'advice: it did not decide'} |

**What the calling program should do.** ${caller}

**What an operator should look at.** ${operator}

[All reason codes](README.md)
`;
}

/** One line with what belongs under it. */
export interface Branch {
  readonly text: string;
  readonly branches?: readonly Branch[];
}

/** Lines of a tree without its root. */
export function treeLines(branches: readonly Branch[], indent = ''): string[] {
  return branches.flatMap(({ text, branches: under = [] }, index) => {
    const last = index === branches.length - 1;
    const below = treeLines(under, `${indent}${last ? '   ' : '│  '}`);
    return [`${indent}${last ? '└─ ' : '├─ '}${text}`, ...below];
  });
}

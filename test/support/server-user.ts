import { execFileSync } from 'node:child_process';

/**
 * Postgres and PgBouncer refuse to run as root, so root runs them as the user that Debian's
 * packages make. Anybody else runs them as oneself.
 */
export function serverUser(): { readonly uid?: number; readonly gid?: number } {
  if (process.getuid?.() !== 0) return {};
  const id = (flag: string): number =>
    Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}

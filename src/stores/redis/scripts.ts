import { hash } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** A Lua script and the name under which Redis keeps it. */
export interface Script {
  readonly text: string;
  readonly sha1: string;
}

export interface Scripts {
  readonly take: Script;
  readonly refund: Script;
  readonly settle: Script;
  readonly peek: Script;
  readonly watch: Script;
  readonly violate: Script;
}

/** What all scripts share, and the meters; they go in front of each script. */
const SHARED = ['shared', 'strict', 'aligned', 'token-bucket', 'leases', 'epoch'];

/** Reads the scripts that lie beside this file. */
export function loadScripts(): Scripts {
  const shared = SHARED.map(textOf).join('\n');
  const load = (name: string): Script => {
    const text = `${shared}\n${textOf(name)}`;
    return { text, sha1: hash('sha1', text) };
  };
  return {
    take: load('take'),
    refund: load('refund'),
    settle: load('settle'),
    peek: load('peek'),
    watch: load('watch'),
    violate: load('violate'),
  };
}

function textOf(name: string): string {
  return readFileSync(new URL(`./lua/${name}.lua`, import.meta.url), 'utf8');
}

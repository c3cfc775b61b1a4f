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
  readonly peek: Script;
}

/**
 * Reads the scripts that lie beside this file. entity.lua, what they share, goes in front of each.
 */
export function loadScripts(): Scripts {
  const shared = textOf('entity');
  const load = (name: string): Script => {
    const text = `${shared}\n${textOf(name)}`;
    return { text, sha1: hash('sha1', text) };
  };
  return { take: load('take'), refund: load('refund'), peek: load('peek') };
}

function textOf(name: string): string {
  return readFileSync(new URL(`./lua/${name}.lua`, import.meta.url), 'utf8');
}

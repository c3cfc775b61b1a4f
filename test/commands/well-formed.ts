const DECLARATION = /^<\?xml version="1\.0" encoding="UTF-8"\?>/;
const ATTRIBUTES = /^(?:\s+[a-z]+="(?:[^<&"]|&(?:amp|lt|gt|quot|apos);)*")*\s*$/u;
const TEXT = /^(?:[^<&]|&(?:amp|lt|gt|quot|apos);)*$/u;
// eslint-disable-next-line no-control-regex -- these are what XML 1.0 cannot carry
const FORBIDDEN = /[\u0000-\u0008\u000B\u000C\u000E-\u001F\uFFFE\uFFFF]|\p{Surrogate}/u;

/** Whether a text is XML of plain elements: closed in order, quoted, escaped, under one root. */
export function wellFormed(xml: string): boolean {
  if (!xml.startsWith('<?xml version="1.0" encoding="UTF-8"?>') || FORBIDDEN.test(xml))
    return false;
  const open: string[] = [];
  let roots = 0;
  for (const part of xml.replace(DECLARATION, '').split(/(<[^>]*>)/)) {
    const [, closing, name = '', attributes = '', empty] =
      /^<(\/?)([a-z]+)(.*?)(\/?)>$/su.exec(part) ?? [];
    if (name === '') {
      if (!TEXT.test(part) || (open.length === 0 && part.trim() !== '')) return false;
    } else if (closing) {
      if (open.pop() !== name || attributes !== '') return false;
    } else {
      if (!ATTRIBUTES.test(attributes)) return false;
      if (open.length === 0) roots += 1;
      if (!empty) open.push(name);
    }
  }
  return open.length === 0 && roots === 1;
}

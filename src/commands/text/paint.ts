import { styleText } from 'node:util';

type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow';

/**
 * Colours text when the stream is a terminal that wants colours (NO_COLOR and FORCE_COLOR are
 * honoured).
 */
export type Paint = (style: Style | readonly Style[], text: string) => string;

export function paintFor(stream: NodeJS.WritableStream): Paint {
  return (style, text) =>
    styleText(typeof style === 'string' ? style : [...style], text, { stream });
}

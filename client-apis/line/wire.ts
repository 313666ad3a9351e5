// The text port on the wire (docs/design/line.md, 1 to 3): command lines out of bytes, words out of lines, replies into
// bytes. Pure.

/** Longest command line, bytes, without its end. */
export const MAX_LINE_BYTES = 1024;
/** A telnet subnegotiation that does not end within so many bytes is none. */
const MAX_SUBNEGOTIATION_BYTES = 256;

const LF = 0x0a;
const CR = 0x0d;
const TAB = 0x09;
const BLANK = 0x20;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const DELETE = 0x7f;

const IAC = 255;
const SB = 250;
const SE = 240;
/** WILL, WONT, DO and DONT have one byte more. */
const WILL = 251;

type Telnet = 'none' | 'command' | 'option' | 'inside' | 'inside-command';

/** Collects one command line after the other; holds no more than a line may have. */
export class LineCollector {
  private readonly bytes = new Uint8Array(MAX_LINE_BYTES + 1);
  private used = 0;
  private telnet: Telnet = 'none';
  private inside = 0;
  /** The line is longer than it may be; true until `next`. */
  tooLong = false;

  /** Takes bytes up to and with an LF; answers where to go on, and -1 - that when the line is complete. */
  take(chunk: Uint8Array, from: number): number {
    for (let at = from; at < chunk.length; at++) {
      const byte = chunk[at]!;
      if (this.isTelnet(byte)) continue;
      if (byte === LF) return this.ended(at + 1);
      if (this.used < this.bytes.length) this.bytes[this.used++] = byte;
      else this.tooLong = true;
    }
    return chunk.length;
  }

  /** The line, in memory of its own, without its end; the next one begins. */
  next(): Uint8Array {
    const line = this.bytes.slice(0, this.used);
    this.used = 0;
    this.tooLong = false;
    return line;
  }

  private ended(at: number): number {
    if (this.used > 0 && this.bytes[this.used - 1] === CR && !this.tooLong) this.used--;
    if (this.used > MAX_LINE_BYTES) this.tooLong = true;
    return -1 - at;
  }

  /** Does this byte belong to a telnet sequence? */
  private isTelnet(byte: number): boolean {
    switch (this.telnet) {
      case 'none':
        if (byte !== IAC) return false;
        this.telnet = 'command';
        return true;
      case 'command':
        this.inside = 0;
        this.telnet = byte === SB ? 'inside' : byte >= WILL && byte < IAC ? 'option' : 'none';
        return true;
      case 'option':
        this.telnet = 'none';
        return true;
      case 'inside':
        if (byte === IAC) this.telnet = 'inside-command';
        if (++this.inside >= MAX_SUBNEGOTIATION_BYTES) this.telnet = 'none';
        return true;
      case 'inside-command':
        this.telnet = byte === SE ? 'none' : 'inside';
        return true;
    }
  }
}

/** Has the line a byte that no command line has: a control character but tab? */
export function hasControl(line: Uint8Array): boolean {
  return line.some((byte) => (byte < BLANK && byte !== TAB) || byte === DELETE);
}

export interface Word {
  readonly text: string;
  readonly quoted: boolean;
}

export interface Words {
  readonly words: readonly Word[];
  /** A quote is not closed. */
  readonly unclosed: boolean;
  /** What follows the last word, one blank removed; undefined when there is nothing. */
  readonly rest: Uint8Array | undefined;
}

function isBlank(byte: number | undefined): boolean {
  return byte === BLANK || byte === TAB;
}

const decoder = new TextDecoder('utf-8');

/** At most `most` words from the front of a line; UTF-8, other bytes shown as U+FFFD. */
export function splitWords(line: Uint8Array, most: number): Words {
  const words: Word[] = [];
  let at = 0;
  let unclosed = false;
  for (;;) {
    while (isBlank(line[at])) at++;
    if (at >= line.length || words.length === most) break;
    const quoted = line[at] === QUOTE;
    const bytes: number[] = [];
    if (quoted) at++;
    while (at < line.length && (quoted ? line[at] !== QUOTE : !isBlank(line[at]))) {
      if (quoted && line[at] === BACKSLASH && at + 1 < line.length) at++;
      bytes.push(line[at++]!);
    }
    if (quoted && at >= line.length) unclosed = true;
    if (quoted) at++;
    words.push({ text: decoder.decode(Uint8Array.from(bytes)), quoted });
    if (words.length === most) break;
  }
  // Blanks beyond the first belong to the text.
  const rest = at < line.length ? line.subarray(isBlank(line[at]) ? at + 1 : at) : undefined;
  return { words, unclosed, rest };
}

/** Replies with digits, for programs, or without, for consoles. */
export type ReplyForm = 'numbered' | 'plain';

const encoder = new TextEncoder();

function harmless(text: string): string {
  return text.replace(/\p{Cc}/gu, '?');
}

/** A whole reply as bytes. `prompt` is what no line of the plain form may begin with. */
export function formatReply(
  reply: { readonly code: number; readonly lines?: readonly string[]; readonly text: string },
  form: ReplyForm,
  prompt: string,
): Uint8Array {
  const lines = reply.lines ?? [];
  const all = form === 'numbered' ? numbered(reply.code, lines, reply.text) : plain(reply.code, lines, reply.text);
  const shown = all.map((line) => (prompt !== '' && line.startsWith(prompt) ? ` ${line}` : line));
  return encoder.encode(shown.map((line) => `${line}\r\n`).join(''));
}

function numbered(code: number, lines: readonly string[], text: string): string[] {
  return [...lines.map((line) => `${code}-${harmless(line)}`), `${code} ${harmless(text)}`];
}

/** What is done needs no words; a greeting, a farewell and an error do. */
function plain(code: number, lines: readonly string[], text: string): string[] {
  if (code >= 400) return [...lines.map(harmless), `error: ${harmless(text)}`];
  const spoken = code === GREETING || code === FAREWELL || (code >= 300 && code < 400);
  return [...lines.map(harmless), ...(spoken ? [harmless(text)] : [])];
}

export const GREETING = 220;
export const FAREWELL = 221;

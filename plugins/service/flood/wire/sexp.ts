// S-expressions as sites send them to each other: a small, strict part of the configuration language (docs/design/flood.md,
// section 3). Strings are always quoted, numbers and keywords never, no comments, a keyword only first in its list.
//
//   list = "(" [ keyword ] { string | number | list } ")"      blanks: space, LF

/** A list; `key` is its keyword in lower case without the colon, '' if it has none. */
export interface List {
  readonly key: string;
  readonly values: readonly Value[];
}
export type Value = string | number | List;

/** Lists in lists; our own frames need four. */
const MAX_DEPTH = 6;

const OPEN = 0x28;
const CLOSE = 0x29;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const BLANK = 0x20;
const LF = 0x0a;
const DOT = 0x2e;
const PLUS = 0x2b;
const MINUS = 0x2d;
const UNDERSCORE = 0x5f;

const isDigit = (c: number): boolean => c >= 0x30 && c <= 0x39;
const isLetter = (c: number): boolean => (c >= 0x61 && c <= 0x7a) || (c >= 0x41 && c <= 0x5a);

/** Reads lists one after the other up to the end of the text; undefined: malformed. */
export function readLists(text: string): readonly List[] | undefined {
  const reader = new Reader(text);
  const lists: List[] = [];
  while (!reader.end()) {
    const list = reader.list(0);
    if (list === undefined) return undefined;
    lists.push(list);
  }
  return lists;
}

/** Character by character: every update that comes is read by this. */
class Reader {
  private at = 0;

  constructor(private readonly text: string) {}

  end(): boolean {
    this.blanks();
    return this.at >= this.text.length;
  }

  list(depth: number): List | undefined {
    if (depth === MAX_DEPTH || this.text.charCodeAt(this.at) !== OPEN) return undefined;
    this.at++;
    this.blanks();
    const key = this.keyword();
    const values: Value[] = [];
    for (;;) {
      if (this.end()) return undefined;
      const next = this.text.charCodeAt(this.at);
      if (next === CLOSE) {
        this.at++;
        return { key, values };
      }
      const value = next === OPEN ? this.list(depth + 1) : next === QUOTE ? this.string() : this.number();
      if (value === undefined) return undefined;
      values.push(value);
    }
  }

  private blanks(): void {
    for (;;) {
      const c = this.text.charCodeAt(this.at);
      if (c !== BLANK && c !== LF) return;
      this.at++;
    }
  }

  /** '' if there is none. */
  private keyword(): string {
    const { text } = this;
    if (text.charCodeAt(this.at) !== COLON || !isLetter(text.charCodeAt(this.at + 1))) return '';
    const from = this.at + 1;
    let to = from;
    for (let c = text.charCodeAt(to); isLetter(c) || isDigit(c) || c === MINUS || c === UNDERSCORE;)
      c = text.charCodeAt(++to);
    this.at = to;
    return text.slice(from, to).toLowerCase();
  }

  private string(): string | undefined {
    const { text } = this;
    let value = '';
    let from = ++this.at;
    for (;;) {
      const c = text.charCodeAt(this.at);
      if (Number.isNaN(c)) return undefined;
      if (c === QUOTE) return value + text.slice(from, this.at++);
      this.at++;
      if (c !== BACKSLASH) continue;
      if (this.at >= text.length) return undefined;
      value += text.slice(from, this.at - 1);
      from = this.at++;
    }
  }

  private number(): number | undefined {
    const { text } = this;
    const from = this.at;
    let to = from;
    const first = text.charCodeAt(to);
    if (first === PLUS || first === MINUS) to++;
    const digits = to;
    while (isDigit(text.charCodeAt(to))) to++;
    if (to === digits) return undefined;
    if (text.charCodeAt(to) === DOT) {
      const behind = ++to;
      while (isDigit(text.charCodeAt(to))) to++;
      if (to === behind) return undefined;
    }
    this.at = to;
    const after = text.charCodeAt(to);
    const ends = after === BLANK || after === LF || after === CLOSE || after === OPEN;
    return ends ? Number(text.slice(from, to)) : undefined;
  }
}

/** A string as it is written: quoted. */
export function quoted(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`;
}

/** A number without an exponent, at most three digits behind the point. */
export function written(n: number): string {
  return Number.isInteger(n) ? n.toFixed(0) : n.toFixed(3);
}

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
const KEYWORD = /:[a-zA-Z][a-zA-Z0-9_-]*/y;
const NUMBER = /[+-]?[0-9]+(\.[0-9]+)?/y;
const BLANKS = /[ \n]*/y;
const PLAIN = /[^"\\]*/y;

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

class Reader {
  private at = 0;

  constructor(private readonly text: string) {}

  end(): boolean {
    this.match(BLANKS);
    return this.at >= this.text.length;
  }

  list(depth: number): List | undefined {
    if (depth === MAX_DEPTH || this.text[this.at] !== '(') return undefined;
    this.at++;
    this.match(BLANKS);
    const key = this.match(KEYWORD).slice(1).toLowerCase();
    const values: Value[] = [];
    for (;;) {
      if (this.end()) return undefined;
      const next = this.text[this.at];
      if (next === ')') {
        this.at++;
        return { key, values };
      }
      const value = next === '(' ? this.list(depth + 1) : next === '"' ? this.string() : this.number();
      if (value === undefined) return undefined;
      values.push(value);
    }
  }

  private string(): string | undefined {
    let value = '';
    this.at++;
    for (;;) {
      value += this.match(PLAIN);
      const stop = this.text[this.at];
      if (stop === undefined) return undefined;
      this.at++;
      if (stop === '"') return value;
      const quoted = this.text[this.at++];
      if (quoted === undefined) return undefined;
      value += quoted;
    }
  }

  private number(): number | undefined {
    const digits = this.match(NUMBER);
    if (digits === '') return undefined;
    const after = this.text[this.at];
    return after === ' ' || after === '\n' || after === ')' || after === '(' ? Number(digits) : undefined;
  }

  private match(what: RegExp): string {
    what.lastIndex = this.at;
    const found = what.exec(this.text)?.[0] ?? '';
    this.at += found.length;
    return found;
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

// Tokens of floodd's configuration language (S-expressions with `;` comments): parentheses, keywords, strings, symbols,
// each with its place. Pure. Rules that are easy to miss: a keyword ends where a string begins, so that
// `(:group-name"g")` is what the original's manual means by it; `\` in a string quotes the next character, whichever.

/** Where a token begins, both counted from 1; columns are UTF-16 units. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

export type Word = 'keyword' | 'symbol' | 'string';

export interface Token {
  readonly kind: Word | 'open' | 'close' | 'end';
  /** A keyword in lower case with its colon; a string without its quotes. */
  readonly text: string;
  readonly at: Place;
}

/** What is wrong with a text as such, and where. */
export class LexicalFault extends Error {
  constructor(
    readonly what: string,
    readonly at: Place,
  ) {
    super(what);
  }
}

const KEYWORD = /^:[a-z][a-z0-9_-]*$/i;
/** What ends a keyword or a symbol. */
const DELIMITER = /[\s()";]/;
const BLANK = /\s/;

/** The tokens of a text one after the other; at its end `end` for ever. */
export class Lexer {
  private at = 0;
  private line = 1;
  private lineStart = 0;

  constructor(private readonly text: string) {}

  /** Throws a LexicalFault for a string that does not end. */
  next(): Token {
    this.skipBlanks();
    const place = this.place();
    const first = this.text[this.at];
    if (first === undefined) return { kind: 'end', text: '', at: place };
    if (first === '(' || first === ')') {
      this.at++;
      return { kind: first === '(' ? 'open' : 'close', text: first, at: place };
    }
    return first === '"' ? this.string(place) : this.word(place);
  }

  private place(): Place {
    return { line: this.line, column: this.at - this.lineStart + 1 };
  }

  private skipBlanks(): void {
    while (this.at < this.text.length) {
      const c = this.text[this.at]!;
      if (c !== ';' && !BLANK.test(c)) return;
      while (c === ';' && this.at + 1 < this.text.length && this.text[this.at + 1] !== '\n') this.at++;
      this.step();
    }
  }

  /** Over one character, which may end a line. */
  private step(): void {
    const ended = this.text[this.at] === '\n';
    this.at++;
    if (!ended) return;
    this.line++;
    this.lineStart = this.at;
  }

  private string(at: Place): Token {
    const parts: string[] = [];
    this.at++;
    let from = this.at;
    for (let c = this.text[this.at]; c !== '"'; c = this.text[this.at]) {
      if (c === undefined) throw new LexicalFault('a string begins here and does not end', at);
      if (c === '\\') {
        parts.push(this.text.slice(from, this.at));
        this.at++;
        from = this.at;
      }
      // Behind a backslash at the very end there is nothing to step over.
      if (this.at < this.text.length) this.step();
    }
    parts.push(this.text.slice(from, this.at));
    this.at++;
    return { kind: 'string', text: parts.join(''), at };
  }

  private word(at: Place): Token {
    const from = this.at;
    while (this.at < this.text.length && !DELIMITER.test(this.text[this.at]!)) this.at++;
    const text = this.text.slice(from, this.at);
    return KEYWORD.test(text) ? { kind: 'keyword', text: text.toLowerCase(), at } : { kind: 'symbol', text, at };
  }
}

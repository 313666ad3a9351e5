// Tokens to forms: `(:site-define (:site-name a) (:data-port 2001))` is a form with two items. Pure. The language knows
// these two levels and no deeper ones, so nothing here recurses, and what is read is never larger than the text.
import { errorTable, PealError, type Position } from 'peal/plugin';
import { CONFIG_ROWS } from './errors.js';
import { Lexer, LexicalFault, type Place, type Token } from './lexer.js';

const ERRORS = errorTable('SERVICE_FLOOD', CONFIG_ROWS);

/** One text of an item. */
export interface Value {
  readonly text: string;
  /** Written as a string, in double quotes. */
  readonly quoted: boolean;
  readonly at: Position;
}

/** `(:keyword value ...)` */
export interface Item {
  /** In lower case, with its colon. */
  readonly keyword: string;
  readonly values: readonly Value[];
  readonly at: Position;
}

/** `(:keyword item ...)` */
export interface Form {
  readonly keyword: string;
  readonly items: readonly Item[];
  readonly at: Position;
}

/** The forms of a text. Throws PEAL_SERVICE_FLOOD_SYNTAX with file, line and column for the first thing that is none. */
export function readForms(text: string, file: string): readonly Form[] {
  return parsed(text, file, (parser) => parser.forms());
}

/** As `readForms`, for a text of items without forms around them. */
export function readItems(text: string, file: string): readonly Item[] {
  return parsed(text, file, (parser) => parser.items());
}

function parsed<T>(text: string, file: string, read: (parser: Parser) => T): T {
  try {
    return read(new Parser(text.replace(/^\ufeff/, ''), file));
  } catch (fault) {
    if (!(fault instanceof LexicalFault)) throw fault;
    throw PealError.of(ERRORS.SYNTAX, { what: fault.what }, { at: { file, ...fault.at }, cause: fault });
  }
}

class Parser {
  private readonly lexer: Lexer;

  constructor(
    text: string,
    private readonly file: string,
  ) {
    this.lexer = new Lexer(text);
  }

  forms(): Form[] {
    return this.all((open) => this.form(open));
  }

  items(): Item[] {
    return this.all((open) => this.item(open));
  }

  private all<T>(read: (open: Token) => T): T[] {
    const found: T[] = [];
    for (let token = this.lexer.next(); token.kind !== 'end'; token = this.lexer.next()) {
      if (token.kind === 'close') throw new LexicalFault("')' without a '(' before it", token.at);
      if (token.kind !== 'open') throw new LexicalFault(`'${shown(token)}' stands outside of any form`, token.at);
      found.push(read(token));
    }
    return found;
  }

  private form(open: Token): Form {
    const keyword = this.head('a form', open);
    const items: Item[] = [];
    for (let token = this.inside(open); token.kind !== 'close'; token = this.inside(open)) {
      if (token.kind !== 'open')
        throw new LexicalFault(`'${shown(token)}' is no item: write (:keyword value)`, token.at);
      items.push(this.item(token));
    }
    return { keyword, items, at: this.position(open.at) };
  }

  private item(open: Token): Item {
    const keyword = this.head('an item', open);
    const values: Value[] = [];
    for (let token = this.inside(open); token.kind !== 'close'; token = this.inside(open)) {
      if (token.kind === 'open') throw new LexicalFault(`'(' inside of ${keyword}, which takes values only`, token.at);
      values.push({ text: token.text, quoted: token.kind === 'string', at: this.position(token.at) });
    }
    return { keyword, values, at: this.position(open.at) };
  }

  /** What stands first behind a parenthesis. */
  private head(what: string, open: Token): string {
    const token = this.inside(open);
    if (token.kind === 'keyword') return token.text;
    throw new LexicalFault(`${what} begins with a :keyword, not with '${shown(token)}'`, token.at);
  }

  private inside(open: Token): Token {
    const token = this.lexer.next();
    if (token.kind === 'end') throw new LexicalFault("'(' begins here and is not closed", open.at);
    return token;
  }

  private position(at: Place): Position {
    return { file: this.file, ...at };
  }
}

/** A token in a message: short, and without what would break the line. */
function shown({ text }: Token): string {
  const clean = text.replace(/\p{Cc}/gu, '?');
  return clean.length > 40 ? `${clean.slice(0, 37)}...` : clean;
}

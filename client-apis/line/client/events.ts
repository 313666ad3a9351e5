// Asynchronous lines as objects (docs/design/line.md, 5), for programs that take part in ordered groups by the text port. What is
// no event of that grammar is undefined. Pure.

export interface LineMessage {
  readonly kind: 'message';
  /** Private group. */
  readonly sender: string;
  readonly level: string;
  readonly type: number;
  readonly groups: readonly string[];
  readonly data: Uint8Array;
}

export interface LineView {
  readonly kind: 'view';
  readonly group: string;
  readonly cause: 'join' | 'leave' | 'disconnect' | 'network';
  /** Whom it is about; undefined for network. */
  readonly who: string | undefined;
  /** To be compared only. */
  readonly id: string;
  readonly members: readonly string[];
  /** network: the set that came along with us, ourselves included; else empty. */
  readonly together: readonly string[];
  /** network: every other set. */
  readonly apart: readonly (readonly string[])[];
}

export type LineEvent =
  | LineMessage
  | LineView
  | { readonly kind: 'transitional'; readonly group: string; readonly id: string }
  | { readonly kind: 'left'; readonly group: string };

const encoder = new TextEncoder();
const CAUSES = ['join', 'leave', 'disconnect', 'network'] as const;

/** Words of a line, one after the other. */
class Words {
  private at = 0;
  bad = false;

  constructor(private readonly text: string) {}

  get done(): boolean {
    return this.at > this.text.length;
  }

  next(): string {
    if (this.done) {
      this.bad = true;
      return '';
    }
    const blank = this.text.indexOf(' ', this.at);
    const word = this.text.slice(this.at, blank < 0 ? undefined : blank);
    this.at = (blank < 0 ? this.text.length : blank) + 1;
    if (word === '') this.bad = true;
    return word;
  }

  number(): number {
    const word = this.next();
    if (!/^-?\d{1,10}$/.test(word)) this.bad = true;
    return Number(word);
  }

  /** Names preceded by their number. */
  names(): readonly string[] {
    const names: string[] = [];
    for (let left = this.number(); left > 0 && !this.bad; left--) names.push(this.next());
    return names;
  }

  /** All that is left. */
  rest(): string {
    return this.text.slice(this.at);
  }
}

/** The event of a line without its `* `; `data` for those that bytes follow. */
export function readLineEvent(text: string, data: Uint8Array | undefined): LineEvent | undefined {
  const words = new Words(text);
  const event = eventOf(words.next(), words, data);
  return words.bad ? undefined : event;
}

function eventOf(kind: string, words: Words, data: Uint8Array | undefined): LineEvent | undefined {
  switch (kind) {
    case 'message':
    case 'block':
      return messageOf(words, kind, data);
    case 'view':
      return viewOf(words);
    case 'transitional':
      return { kind, group: words.next(), id: words.next() };
    case 'left':
      return { kind, group: words.next() };
    default:
      return undefined;
  }
}

function messageOf(words: Words, kind: 'message' | 'block', block: Uint8Array | undefined): LineMessage | undefined {
  const sender = words.next();
  const level = words.next();
  const type = words.number();
  const groups = words.names();
  const bytes = words.number();
  const data = kind === 'block' ? block : unescaped(words.rest());
  if (data?.length !== bytes) return undefined;
  return { kind: 'message', sender, level, type, groups, data };
}

function viewOf(words: Words): LineView | undefined {
  const group = words.next();
  const word = words.next();
  const cause = CAUSES.find((known) => known === word);
  const who = words.next();
  const id = words.next();
  const members = words.names();
  let together: readonly string[] = [];
  const apart: (readonly string[])[] = [];
  while (!words.done && !words.bad) {
    const set = words.next();
    if (set === 'together') together = words.names();
    else if (set === 'apart') apart.push(words.names());
    else words.bad = true;
  }
  if (cause === undefined) return undefined;
  return { kind: 'view', group, cause, who: who === '-' ? undefined : who, id, members, together, apart };
}

const ESCAPES = new Map([
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
  ['\\', '\\'],
]);

/** The data of an escaped text; undefined: an escape that is none. */
export function unescaped(text: string): Uint8Array | undefined {
  if (!text.includes('\\')) return encoder.encode(text);
  const bytes: Uint8Array[] = [];
  let from = 0;
  for (let at = text.indexOf('\\'); at >= 0; at = text.indexOf('\\', from)) {
    bytes.push(encoder.encode(text.slice(from, at)));
    const letter = text[at + 1] ?? '';
    const short = ESCAPES.get(letter);
    const hex = letter === 'x' ? /^[0-9a-f]{2}$/i.exec(text.slice(at + 2, at + 4))?.[0] : undefined;
    if (short !== undefined) bytes.push(encoder.encode(short));
    else if (hex !== undefined) bytes.push(Uint8Array.of(Number.parseInt(hex, 16)));
    else return undefined;
    from = at + (hex === undefined ? 2 : 4);
  }
  bytes.push(encoder.encode(text.slice(from)));
  const all = new Uint8Array(bytes.reduce((sum, part) => sum + part.length, 0));
  let to = 0;
  for (const part of bytes) {
    all.set(part, to);
    to += part.length;
  }
  return all;
}

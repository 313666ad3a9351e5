// Asynchronous lines (docs/design/line.md, 5): what happens in the groups of a client, as lines that people read and scripts take
// apart. Pure.
import { ServiceBits } from 'peal/plugin';
import type { FrameEvent, GroupId, MessageEvent, ViewEvent } from 'peal/plugin';

/** text: a message is one line. binary: a line that says how many bytes follow. */
export type EventForm = 'text' | 'binary';

/** Levels of service, weakest first. */
export const LEVELS = ['unreliable', 'reliable', 'fifo', 'causal', 'agreed', 'safe'] as const;
export type Level = (typeof LEVELS)[number];

export const LEVEL_BITS: Readonly<Record<Level, number>> = {
  unreliable: ServiceBits.UNRELIABLE,
  reliable: ServiceBits.RELIABLE,
  fifo: ServiceBits.FIFO,
  causal: ServiceBits.CAUSAL,
  agreed: ServiceBits.AGREED,
  safe: ServiceBits.SAFE,
};

const encoder = new TextEncoder();
const END = encoder.encode('\r\n');

const LF = 0x0a;
const CR = 0x0d;
const TAB = 0x09;
const BACKSLASH = 0x5c;
const BLANK = 0x20;
const DELETE = 0x7f;
/** UTF-8 of the control characters U+0080 to U+009F: this byte, then one up to the other. */
const C1_LEAD = 0xc2;
const C1_LAST = 0x9f;
const ASCII_LAST = 0x7f;

const LETTER_X = 0x78;
const HEX = '0123456789abcdef';
/** Bytes of `\\n` and its like, and of `\\xHH`. */
const SHORT_BYTES = 2;
const HEX_BYTES = 4;
const SHORT = new Map([
  [LF, 0x6e],
  [CR, 0x72],
  [TAB, 0x74],
  [BACKSLASH, BACKSLASH],
]);

/** One event, with its line ends. */
export function eventBytes(event: FrameEvent, form: EventForm): Uint8Array {
  if (event.kind !== 'message') return encoder.encode(`* ${noticeText(event)}\r\n`);
  const { data } = event;
  const head = encoder.encode(`* ${form === 'text' ? 'message' : 'block'} ${messageHead(event)}`);
  return form === 'text' ? joined(head, ONE_BLANK, escaped(data), END) : joined(head, END, data, END);
}

const ONE_BLANK = Uint8Array.of(BLANK);

function messageHead(event: MessageEvent): string {
  const { sender, service, type, groups, data } = event;
  return `${sender} ${levelOf(service)} ${type} ${groups.length} ${groups.join(' ')} ${data.length}`;
}

function noticeText(event: Exclude<FrameEvent, MessageEvent>): string {
  if (event.kind === 'left') return `left ${event.group}`;
  if (event.kind === 'transitional') return `transitional ${event.group} ${idText(event.id)}`;
  const network = event.cause === 'network';
  const who = network ? '-' : (event.sets[0]?.[0] ?? '-');
  const view = `view ${event.group} ${event.cause} ${who} ${idText(event.id)} ${counted(event.members)}`;
  return network ? `${view}${setsText(event)}` : view;
}

function setsText({ sets, localSet }: ViewEvent): string {
  const own = sets[localSet];
  const others = sets.filter((_, i) => i !== localSet);
  const words = others.map((set) => ` apart ${counted(set)}`);
  return [...(own === undefined ? [] : [` together ${counted(own)}`]), ...words].join('');
}

function counted(names: readonly string[]): string {
  return [names.length, ...names].join(' ');
}

function idText({ number, time, index }: GroupId): string {
  return `${number}.${time}.${index}`;
}

function levelOf(service: number): Level {
  return LEVELS.find((level) => (service & LEVEL_BITS[level]) !== 0) ?? 'unreliable';
}

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** Data as text in one line; `unescaped` (client/events.ts) of it is the data. */
export function escaped(data: Uint8Array): Uint8Array {
  const utf8 = isUtf8(data);
  let length = 0;
  for (let at = 0; at < data.length; at++)
    length += isPlain(data, at, utf8) ? 1 : SHORT.has(data[at]!) ? SHORT_BYTES : HEX_BYTES;
  if (length === data.length) return data;
  const text = new Uint8Array(length);
  let to = 0;
  for (let at = 0; at < data.length; at++) {
    const byte = data[at]!;
    if (isPlain(data, at, utf8)) text[to++] = byte;
    else {
      const short = SHORT.get(byte);
      text[to++] = BACKSLASH;
      if (short !== undefined) text[to++] = short;
      else {
        text[to++] = LETTER_X;
        text[to++] = HEX.charCodeAt(byte >> 4);
        text[to++] = HEX.charCodeAt(byte & 15);
      }
    }
  }
  return text;
}

/** Stands that byte for itself? */
function isPlain(data: Uint8Array, at: number, utf8: boolean): boolean {
  const byte = data[at]!;
  if (byte <= ASCII_LAST) return byte >= BLANK && byte !== DELETE && byte !== BACKSLASH;
  if (!utf8) return false;
  if (byte === C1_LEAD) return data[at + 1]! > C1_LAST;
  return !(data[at - 1] === C1_LEAD && byte <= C1_LAST);
}

const strict = new TextDecoder('utf-8', { fatal: true });

function isUtf8(data: Uint8Array): boolean {
  if (data.every((byte) => byte <= ASCII_LAST)) return true;
  try {
    strict.decode(data);
    return true;
  } catch {
    return false;
  }
}

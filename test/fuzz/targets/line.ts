// The text port both ways: a client's bytes through the machine with the real command table, and a daemon's bytes through the client
// library's reader. Uploads, telnet, quotes, pipelines, in pieces of any size.
import { CommandTable } from '../../../client-apis/line/table.js';
import { GROUP_COMMANDS } from '../../../client-apis/line/groups.js';
import { LineSession, MAX_WAITING_BYTES, type LineOut } from '../../../client-apis/line/session.js';
import { hasControl, MAX_LINE_BYTES } from '../../../client-apis/line/wire.js';
import { escaped } from '../../../client-apis/line/events.js';
import { readLineEvent, unescaped } from '../../../client-apis/line/client/events.js';
import { ReplyReader } from '../../../client-apis/line/client/reader.js';
import type { Step, Steps } from '../../../core/plugin/index.js';
import type { Random } from '../../sim/random.js';
import { mustEqual, pieces, type Target } from '../target.js';

const LIMIT_BYTES = 512;
const COMMANDS = ['data', 'binary 5', 'noop', 'slow', 'help', 'receive 2', 'join room', 'send "a b" text', 'quit'];
const READER = { lineBytes: 4096, replyLines: 50, blockBytes: 4096 };
const RULES = { form: 'numbered', prompt: '', idleLimitMs: 1000, uploadLimitMs: 1000, greetingWaitMs: 0 } as const;

function clientLines(r: Random): string {
  const command = r.pick(COMMANDS);
  const end = r.chance(500) ? '\r\n' : '\n';
  if (command === 'data') return `data${end}..dots${end}${'x'.repeat(r.heavy(20, 600))}${end}.${end}`;
  if (command === 'binary 5') return `binary 5${end}\0\n.\r\xff`;
  return `${r.chance(100) ? '\xff\xfd\x01\xff\xfa\x18\n\xff\xf0' : ''}${command}${end}`;
}

function daemonLines(r: Random): string {
  const text = Buffer.from(escaped(randomBytes(r))).toString('latin1');
  return r.pick([
    '220 ready\r\n',
    '212-a b c\r\n212 1 members\r\n',
    '* view g join #a#x 1.2.3 2 #a#x #b#x\r\n',
    '* view g network - 1.2.3 2 #a#x #b#x together 1 #a#x apart 1 #b#x\r\n',
    `* message #a#x safe -3 1 g 5 ${text}\r\n`,
    '* block #a#x agreed 0 2 g h 6\r\n\n\r* \0\xff\r\n',
    '* left g\r\n* transitional g 1.2.3\r\n',
  ]);
}

function randomBytes(r: Random): Uint8Array {
  return Uint8Array.from({ length: r.heavy(8, 60) }, () => (r.chance(500) ? 32 + r.below(95) : r.below(256)));
}

function valid(r: Random): Uint8Array {
  const lines = r.chance(500) ? clientLines : daemonLines;
  return Uint8Array.from(Buffer.from(Array.from({ length: 1 + r.below(6) }, () => lines(r)).join(''), 'latin1'));
}

/** Everything a machine may ask for, with the rules it must keep. */
class Outside implements LineOut {
  private readonly table = new CommandTable([GROUP_COMMANDS]);
  readonly machine = new LineSession(RULES, this);
  deep = false;
  ends = 0;
  pending = 0;

  write(bytes: Uint8Array): void {
    if (!/^(\d{3}-[^\r\n]*\r\n)*\d{3} [^\r\n]*\r\n$/.test(Buffer.from(bytes).toString())) throw new Error('no reply');
    if (this.ends > 0) throw new Error('a reply after the end');
  }
  obey(line: Uint8Array): void {
    const text = Buffer.from(line).toString('latin1');
    if (line.length > MAX_LINE_BYTES || hasControl(line)) throw new Error('no command line');
    if (this.pending > 0) throw new Error('a command before the answer');
    this.table.interpret(line);
    const step = this.step(text);
    this.deep ||= text.length > 3;
    if (step === undefined) this.pending++;
    else this.machine.answer(step);
  }
  private step(text: string): Step | undefined {
    const common = {
      limitBytes: LIMIT_BYTES,
      tooLarge: { code: 552, text: 'too large' },
      take: (bytes: Uint8Array): Step => {
        if (bytes.length > LIMIT_BYTES) throw new Error('more than the limit');
        return { code: 250, text: String(bytes.length) };
      },
    };
    if (text.startsWith('data')) return { need: 'lines', reply: { code: 354, text: 'go on' }, ...common };
    if (text.startsWith('binary')) return { need: 'bytes', count: 5, ...common };
    if (text.startsWith('slow')) return undefined;
    if (text.startsWith('quit')) return { code: 221, text: 'bye', close: true };
    return { code: text.startsWith('noop') ? 250 : 500, text: 'what' };
  }
  take(call: () => Steps): void {
    this.machine.answer(call() as Step);
  }
  raw(): void {
    throw new Error('nobody asked for that');
  }
  page(): void {
    this.ends++;
  }
  reading(on: boolean): void {
    if (!on && this.pending === 0) throw new Error('not read although nothing is under way');
  }
  timer(ms: number): void {
    if (Number.isNaN(ms)) throw new Error('no time');
  }
  attending(): boolean {
    return false;
  }
  end(): void {
    this.ends++;
  }
}

function feed(input: Uint8Array, r: Random): boolean {
  const outside = new Outside();
  let waiting = 0;
  for (const piece of pieces(input, r)) {
    waiting += piece.length;
    outside.machine.received(piece);
    if (outside.pending > 0 && (waiting > MAX_WAITING_BYTES || r.chance(300))) answer(outside);
  }
  outside.machine.finished();
  while (outside.pending > 0) answer(outside);
  if (outside.ends !== 1) throw new Error(`ended ${outside.ends} times`);
  return read(input, r) || outside.deep;
}

function answer(outside: Outside): void {
  outside.pending--;
  outside.machine.answer({ code: 250, text: 'at last' });
}

function read(input: Uint8Array, r: Random): boolean {
  let events = 0;
  const reader = new ReplyReader((received) => {
    if (received.kind === 'event' && readLineEvent(received.text, received.data) !== undefined) events++;
  }, READER);
  for (const piece of pieces(input, r)) reader.push(piece);
  return events > 0;
}

function roundTrip(r: Random): void {
  const data = randomBytes(r);
  const text = Buffer.from(escaped(data)).toString();
  if (/\p{Cc}/u.test(text)) throw new Error('a control character in a line');
  mustEqual(Uint8Array.from(unescaped(text) ?? []), data, 'escaped data');
}

export default { name: 'line', front: 0, valid, feed, roundTrip } satisfies Target;

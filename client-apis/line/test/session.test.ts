// The machine of the text port without sockets: lines, telnet, uploads, order of replies, limits, prompt (docs/design/line.md).
import { describe, expect, test } from '@jest/globals';
import type { NeedBytes, NeedLines, Reply, Step, Steps } from '../../../core/plugin/index.js';
import { LineSession, MAX_WAITING_BYTES, type LineEnd, type LineOut, type LineRules } from '../session.js';
import { splitWords } from '../wire.js';

const RULES: LineRules = { form: 'numbered', prompt: '', idleLimitMs: 600, uploadLimitMs: 120, greetingWaitMs: 0 };

class World implements LineOut {
  written = '';
  readonly obeyed: string[] = [];
  readonly ends: LineEnd[] = [];
  readonly readings: boolean[] = [];
  readonly raws: string[] = [];
  timerMs = -1;
  pages = 0;
  attends = false;
  /** What commands are answered; undefined: later. */
  step: (line: string) => Step | undefined = (line) => ({ code: 250, text: line });
  readonly machine: LineSession;

  constructor(rules: Partial<LineRules> = {}) {
    this.machine = new LineSession({ ...RULES, ...rules }, this);
  }

  give(...chunks: readonly (string | Uint8Array)[]): this {
    for (const chunk of chunks) this.machine.received(typeof chunk === 'string' ? Buffer.from(chunk, 'latin1') : chunk);
    return this;
  }

  /** What was written since the last time, line ends shown as `|`. */
  get said(): string {
    const said = this.written.replaceAll('\r\n', '|');
    this.written = '';
    return said;
  }

  write(bytes: Uint8Array): void {
    this.written += Buffer.from(bytes).toString();
  }
  obey(line: Uint8Array): void {
    const text = Buffer.from(line).toString('latin1');
    this.obeyed.push(text);
    const step = this.step(text);
    if (step !== undefined) this.machine.answer(step);
  }
  take(call: () => Steps): void {
    this.machine.answer(call() as Step);
  }
  raw(_stream: unknown, first: readonly Uint8Array[], ended: boolean): void {
    this.raws.push(Buffer.concat([...first]).toString() + (ended ? '<end>' : ''));
  }
  page(): void {
    this.pages++;
  }
  reading(on: boolean): void {
    this.readings.push(on);
  }
  timer(ms: number): void {
    this.timerMs = ms;
  }
  attending(): boolean {
    return this.attends;
  }
  end(why: LineEnd): void {
    this.ends.push(why);
  }
}

const shown = (bytes: Uint8Array): Reply => ({
  code: 250,
  text: `<${Buffer.from(bytes).toString('latin1').replaceAll('\n', '/')}>`,
});
const TOO_LARGE = { code: 552, text: 'too large' };
const lines = (limitBytes = 100): NeedLines => ({
  need: 'lines',
  reply: { code: 354, text: 'go on' },
  limitBytes,
  tooLarge: TOO_LARGE,
  take: shown,
});
const bytes = (count: number, limitBytes = 100): NeedBytes => ({
  need: 'bytes',
  count,
  limitBytes,
  tooLarge: TOO_LARGE,
  take: shown,
});

describe('lines', () => {
  test('end with LF, one CR before it is removed, empty ones are ignored', () => {
    const w = new World().give('a\r\nb\nc\r\r\n\r\n\n \t\nd');
    expect(w.obeyed).toEqual(['a', 'b']);
    expect(w.said).toBe('250 a|250 b|500 control characters|');
    w.give('\n');
    expect(w.obeyed).toEqual(['a', 'b', 'd']);
  });

  test('may be cut anywhere', () => {
    const w = new World();
    for (const byte of Buffer.from('one\r\ntwo\r\n')) w.give(Uint8Array.of(byte));
    expect(w.obeyed).toEqual(['one', 'two']);
  });

  test('have at most 1024 bytes; a longer one is one error, the next is obeyed', () => {
    const w = new World().give(`${'x'.repeat(1024)}\r\n${'y'.repeat(1025)}\n`, 'z'.repeat(50_000), '\nnext\n');
    expect(w.obeyed).toEqual(['x'.repeat(1024), 'next']);
    expect(w.said.match(/500 /g)?.length).toBe(2);
  });

  test('telnet sequences are removed, be they cut', () => {
    const w = new World().give(
      Uint8Array.of(255, 251, 1, 0x61, 255),
      Uint8Array.of(253),
      Uint8Array.of(3, 0x62, 255, 250, 24, 0, 10, 255, 240, 255, 241, 255, 255, 0x63, 10),
    );
    expect(w.obeyed).toEqual(['abc']);
  });

  test('a subnegotiation that does not end swallows only so much', () => {
    const w = new World().give(Uint8Array.of(255, 250), 'x'.repeat(256), 'next\n');
    expect(w.obeyed).toEqual(['next']);
  });

  test('with control characters are refused; ten errors in a row end it, one good command forgives', () => {
    const w = new World();
    for (let i = 0; i < 9; i++) w.give('\0\n');
    w.give('good\n');
    for (let i = 0; i < 9; i++) w.give('\x1b[A\n');
    expect(w.ends).toEqual([]);
    w.give('\x07\nlater\n');
    expect(w.ends).toEqual(['faults']);
    expect(w.said.endsWith('500 control characters|421 too many errors, closing|')).toBe(true);
    expect(w.obeyed).toEqual(['good']);
  });

  test('words: blanks, tabs, quotes, a quote inside, text behind them', () => {
    const at = (line: string, most: number) => {
      const { words, unclosed, rest } = splitWords(Buffer.from(line), most);
      return [words.map((w) => w.text), unclosed, rest === undefined ? undefined : Buffer.from(rest).toString()];
    };
    expect(at('group  "a b"\t"c\\"d\\\\"', 9)).toEqual([['group', 'a b', 'c"d\\'], false, undefined]);
    expect(at('group "open', 9)).toEqual([['group', 'open'], true, undefined]);
    expect(at('send room  two "blanks', 2)).toEqual([['send', 'room'], false, ' two "blanks']);
    expect(at('send room', 2)).toEqual([['send', 'room'], false, undefined]);
    expect(at('send room ', 2)).toEqual([['send', 'room'], false, '']);
    expect(at('  "" x', 9)).toEqual([['', 'x'], false, undefined]);
  });
});

describe('uploads', () => {
  test('lines: dots, line ends, the end, and what follows on the same segment', () => {
    const w = new World();
    w.step = (line) => (line === 'data' ? lines() : { code: 250, text: line });
    w.give('data\r\n..x\r\n.y\r\n...\r\nz\n\r\nlone\rcr\r\r\n.\r\nnoop\r\n');
    expect(w.said).toBe('354 go on|250 <.x/y/../z//lone?cr?/>|250 noop|');
  });

  test('lines: cut anywhere they are the same', () => {
    const all = Buffer.from('data\r\n..a\r\n.\r.b\r\n\r\r\n.\rc\n.\nnoop\n');
    const whole = new World();
    whole.step = (line) => (line === 'data' ? lines() : { code: 250, text: line });
    const { said } = whole.give(all);
    for (let cut = 1; cut < all.length; cut++) {
      const w = new World();
      w.step = whole.step;
      expect(w.give(all.subarray(0, cut), all.subarray(cut)).said).toBe(said);
    }
    expect(said).toBe('354 go on|250 <.a/?.b/?/?c/>|250 noop|');
  });

  test('bytes: nothing in them means anything, the next command begins behind the last', () => {
    const w = new World();
    w.step = (line) => (line === 'binary' ? bytes(6) : { code: 250, text: line });
    expect(w.give('binary\n\n.\r\n\0Xnoop\n').said).toBe('250 </.?/?X>|250 noop|');
    expect(w.give('binary\nabc').give('defnoop\n').said).toBe('250 <abcdef>|250 noop|');
  });

  test('over the limit they are read to the end and thrown away', () => {
    const w = new World();
    w.step = (line) => (line === 'binary' ? bytes(1000, 10) : line === 'data' ? lines(11) : { code: 250, text: line });
    expect(w.give('binary\n', 'x'.repeat(1000), 'data\n12345\n1234\n.\ndata\n12345\n12345\n.\nnoop\n').said).toBe(
      '552 too large|354 go on|250 <12345/1234/>|354 go on|552 too large|250 noop|',
    );
  });

  test('the end of the stream in the middle forgets them', () => {
    for (const step of [lines(), bytes(10)]) {
      const w = new World();
      w.step = () => step;
      w.give('upload\nabc\n');
      w.machine.finished();
      expect([w.ends, w.said.includes('250')]).toEqual([['closed'], false]);
    }
  });
});

describe('order', () => {
  test('the next command waits for the answer; the end of the stream too', () => {
    const w = new World();
    w.step = () => undefined;
    w.give('one\ntwo\n');
    w.machine.finished();
    expect(w.obeyed).toEqual(['one']);
    w.machine.answer({ code: 250, text: 'first' });
    expect([w.obeyed, w.ends]).toEqual([['one', 'two'], []]);
    w.machine.answer({ code: 250, text: 'second', lines: ['a', 'b\nc'] });
    expect(w.said).toBe('250 first|250-a|250-b?c|250 second|');
    expect(w.ends).toEqual(['closed']);
    w.machine.answer({ code: 250, text: 'nobody asked' });
    expect(w.said).toBe('');
  });

  test('much input behind a command stops the reading until it is done', () => {
    const w = new World();
    w.step = () => undefined;
    w.give('wait\n', 'x'.repeat(MAX_WAITING_BYTES));
    expect(w.readings).toEqual([]);
    w.give('x');
    expect(w.readings).toEqual([false]);
    w.machine.answer({ code: 250, text: 'done' });
    expect(w.readings).toEqual([false, true]);
  });

  test('a client that does not read is not obeyed', () => {
    const w = new World();
    w.machine.hold(true);
    w.give('one\n');
    expect(w.obeyed).toEqual([]);
    w.machine.hold(false);
    expect(w.obeyed).toEqual(['one']);
  });

  test('thousands of commands in one segment are no matter of depth', () => {
    const w = new World().give('noop\n'.repeat(20_000));
    expect(w.obeyed.length).toBe(20_000);
  });

  test('a connection that is handed over takes what waits with it', () => {
    const w = new World();
    w.step = () => ({ reply: { code: 250, text: 'connected' }, stream: {} as never });
    w.give('connect x\nraw bytes\n');
    expect([w.said, w.raws, w.machine.over]).toEqual(['250 connected|', ['raw bytes\n'], true]);
    const late = new World();
    late.step = () => undefined;
    late.give('connect x\n', 'x'.repeat(MAX_WAITING_BYTES + 1));
    late.machine.finished();
    late.machine.answer({ reply: { code: 250, text: 'connected' }, stream: {} as never });
    expect(late.raws).toEqual([`${'x'.repeat(MAX_WAITING_BYTES + 1)}<end>`]);
    expect([late.readings, late.ends]).toEqual([[false, true], []]);
  });
});

describe('ends', () => {
  test('idle, and in an upload sooner; not while a command is under way or messages are waited for', () => {
    const w = new World();
    w.machine.greet('hello');
    expect([w.said, w.timerMs]).toEqual(['220 hello|', 600]);
    w.attends = true;
    w.machine.expired();
    expect(w.ends).toEqual([]);
    w.attends = false;
    w.step = () => undefined;
    w.give('slow\n');
    w.machine.expired();
    expect(w.ends).toEqual([]);
    w.machine.answer(lines());
    expect(w.timerMs).toBe(120);
    w.machine.expired();
    expect([w.ends, w.said, w.timerMs]).toEqual([['idle'], '354 go on|421 the upload stands still, closing|', -1]);
  });

  test('a reply may close; nothing behind it is obeyed', () => {
    const w = new World();
    w.step = () => ({ code: 221, text: 'bye', close: true });
    w.give('quit\nnoop\n');
    expect([w.said, w.obeyed, w.ends]).toEqual(['221 bye|', ['quit'], ['closed']]);
  });

  test('a stop says why', () => {
    const w = new World();
    w.machine.stop('the daemon stops');
    w.machine.stop('again');
    expect([w.said, w.ends]).toEqual(['421 the daemon stops|', ['stopping']]);
  });

  test('browsers get a page, other HTTP nothing', () => {
    const page = new World().give('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    expect([page.pages, page.obeyed, page.said]).toEqual([1, [], '']);
    const post = new World().give('POST / HTTP/1.1\r\nHost: x\r\n\r\nterminate\r\n');
    expect([post.pages, post.obeyed, post.ends]).toEqual([0, [], ['foreign']]);
    const late = new World().give('noop\nGET / HTTP/1.1\n');
    expect([late.pages, late.obeyed]).toEqual([0, ['noop', 'GET / HTTP/1.1']]);
  });
});

test('the greeting waits for who speaks first', () => {
  const greeted = (): World => {
    const w = new World({ greetingWaitMs: 50 });
    w.machine.greet('hello');
    expect([w.said, w.timerMs]).toEqual(['', 50]);
    return w;
  };
  const silent = greeted();
  silent.machine.expired();
  expect([silent.said, silent.timerMs]).toEqual(['220 hello|', 600]);
  const slow = greeted().give('noo');
  expect(slow.timerMs).toBe(50);
  slow.machine.expired();
  slow.give('p\n');
  expect(slow.said).toBe('220 hello|250 noop|');
  expect(greeted().give('noop\nnoop\n').said).toBe('220 hello|250 noop|250 noop|');
  expect(greeted().give('\0\n').said).toBe('220 hello|500 control characters|');
  expect(greeted().give('\n').said).toBe('220 hello|');
  expect(greeted().give('x'.repeat(2000), '\n').said).toMatch(/^220 hello\|500 /);
  const browser = greeted().give('GET / HTTP/1.1\r\n\r\n');
  expect([browser.said, browser.pages, browser.timerMs]).toEqual(['', 1, -1]);
  const gone = greeted();
  gone.machine.finished();
  expect([gone.said, gone.ends]).toEqual(['220 hello|', ['closed']]);
});

test('plain replies and a prompt, for consoles', () => {
  const w = new World({ form: 'plain', prompt: 'csd> ' });
  w.machine.greet('NMS-CSD 1 ready');
  w.step = (line) =>
    line === 'show'
      ? { code: 250, lines: ['7', 'csd> x'], text: 'end' }
      : { code: line === 'set' ? 250 : 501, text: 'what' };
  w.give('set\r\nshow\r\n\r\nwrong\r\n');
  expect(w.said).toBe('NMS-CSD 1 ready|csd> csd> 7| csd> x|csd> csd> error: what|csd> ');
});

// The handshake machine (session.ts, wire.ts) without sockets: every version, every reject, every way of cutting the
// input. Item numbers are those of section 17 of the protocol as measured.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Service, buildFrame } from '../../../core/wire/frame.js';
import { privateGroupOf } from '../../../core/wire/name.js';
import { BinarySession } from '../session.js';
import type { AuthMethod, ConnectionEnd, Opened, SessionOut } from '../session.js';

const DAEMON = 'solo';
const NULL_CHOICE = choice('NULL');

function bytes(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex.replaceAll(' ', ''), 'hex'));
}

function hex(b: Uint8Array): string {
  return Buffer.from(b).toString('hex');
}

function ascii(s: string): string {
  return Buffer.from(s, 'latin1').toString('hex');
}

function choice(...methods: string[]): Uint8Array {
  const b = new Uint8Array(90);
  methods.forEach((m, i) => b.set(Buffer.from(m), i * 30));
  return b;
}

function concat(...parts: Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

interface Setting {
  allowed?: AuthMethod[];
  required?: AuthMethod[];
  taken?: string[];
  opened?: Opened;
  verdict?: boolean;
}

class Client implements SessionOut {
  readonly written: string[] = [];
  readonly verifications: string[] = [];
  readonly opens: { name: string; membership: boolean }[] = [];
  runs = '';
  messages = 0;
  ended: ConnectionEnd | undefined;
  readonly machine: BinarySession;

  constructor(private readonly setting: Setting = {}) {
    const { allowed = ['NULL'], required = [] } = setting;
    this.machine = new BinarySession({ allowed, required, maxMessageBytes: 143_952 }, this);
  }
  write(b: Uint8Array): void {
    this.written.push(hex(b));
  }
  nameInUse(name: string): boolean {
    return this.setting.taken?.includes(name) ?? false;
  }
  open(name: string, membership: boolean): Opened {
    this.opens.push({ name, membership });
    return this.setting.opened ?? { privateGroup: privateGroupOf(name === '' ? 'made-1' : name, DAEMON) };
  }
  verify(method: 'IP' | 'PWORD', credentials: { user: string; password: string } | undefined): void {
    this.verifications.push(
      credentials === undefined ? method : `${method} ${credentials.user} ${credentials.password}`,
    );
    if (this.setting.verdict !== undefined) this.machine.verified(this.setting.verdict);
  }
  run(frames: Uint8Array, messages: number): void {
    this.runs += hex(frames);
    this.messages += messages;
  }
  dropped(): void {
    this.messages += 1000;
  }
  end(end: ConnectionEnd): void {
    expect(this.ended).toBeUndefined();
    this.ended = end;
  }
  send(...parts: (string | Uint8Array)[]): this {
    for (const part of parts) this.machine.received(typeof part === 'string' ? bytes(part) : new Uint8Array(part));
    return this;
  }
}

const HELLO = `04 04 00 01 04 ${ascii('user')}`;
const LIST = `05${ascii('NULL ')}`;
const ACCEPT = `0104040 00a ${ascii('#user#solo')}`.replaceAll(' ', '');

describe('hello', () => {
  test('items 1 and 9: list and accept record are each one write', () => {
    const client = new Client().send(HELLO);
    expect(client.written).toEqual([LIST]);
    client.send(NULL_CHOICE);
    expect(client.written).toEqual([LIST, ACCEPT]);
    expect(client.opens).toEqual([{ name: 'user', membership: true }]);
  });

  test.each([
    ['3.1', `03 01 01 03 ${ascii('old')}`, `010404 09 ${ascii('#old#solo')}`],
    ['3.14', `03 0e 01 06 ${ascii('old314')}`, `010404 0c ${ascii('#old314#solo')}`],
    ['3.15.2', `03 0f 02 01 03 ${ascii('old')}`, `01040400 09 ${ascii('#old#solo')}`],
  ])('item 2: %s has neither list nor choice', (_version, hello, accept) => {
    expect(new Client().send(hello).written).toEqual([accept.replaceAll(' ', '')]);
  });

  test.each(['03 10 00', '03 11 04', '04 00 00', '05 09 09'])('item 2: %s gets the list', (version) => {
    expect(new Client().send(`${version} 01 03 ${ascii('new')}`, NULL_CHOICE).written[0]).toBe(LIST);
  });

  test.each(['03 00 01 01', '02 09 01', '00 00 00'])('item 3: version %s is too old', (hello) => {
    const client = new Client().send(hello);
    expect(client.written).toEqual(['f9']);
    expect(client.ended).toEqual({ kind: 'rejected', code: 0xf9 });
  });

  test.each([
    ['length 11', `0b ${ascii('abcdefghijk')}`],
    ['length 0x80', '80'],
    ['#', `03 ${ascii('a#b')}`],
    ['space', `03 ${ascii('a b')}`],
    ['!', `02 ${ascii('!x')}`],
    ['0x7f', '01 7f'],
    ['0xe9', '01 e9'],
    ['NUL', '02 00 61'],
  ])('item 4: illegal name (%s)', (_what, name) => {
    const client = new Client().send(`040400 01 ${name}`);
    expect(client.written).toEqual(['fb']);
  });

  test('item 4: a name that stays short is illegal when time is up or the client closes', () => {
    const [late, closed] = [new Client().send('0404000105616263'), new Client().send('0404000105616263')];
    late.machine.expired();
    closed.machine.finished();
    expect([late.written, closed.written]).toEqual([['fb'], ['fb']]);
  });

  test('silence ends without a word', () => {
    for (const start of ['', '04', '0404000105']) {
      const client = new Client().send(start);
      client.machine.expired();
      expect([client.written, client.ended]).toEqual([[], { kind: 'unready', at: 'hello' }]);
    }
  });

  test.each(['$%&', 'a', '0123456789', '~'])('name %s is legal', (name) => {
    const length = name.length.toString(16).padStart(2, '0');
    expect(new Client().send(`04040001${length}${ascii(name)}`, NULL_CHOICE).opens[0]?.name).toBe(name);
  });

  test('item 5: a taken name is refused before the list, or at the end if it was taken meanwhile', () => {
    expect(new Client({ taken: ['user'] }).send(HELLO).written).toEqual(['fa']);
    expect(new Client({ opened: 'not-unique' }).send(HELLO, NULL_CHOICE).written).toEqual([LIST, 'fa']);
  });

  test('item 7: an empty name is given to the core to make one', () => {
    const client = new Client({ taken: [''] }).send('0404000100', NULL_CHOICE);
    expect(client.written[1]).toBe(`010404000c${ascii('#made-1#solo')}`);
  });

  test('other refusals of the core', () => {
    expect(new Client({ opened: 'quota' }).send(HELLO, NULL_CHOICE).written).toEqual([LIST, 'fd']);
    expect(new Client({ opened: 'illegal-name' }).send(HELLO, NULL_CHOICE).written).toEqual([LIST, 'fb']);
    const stopping = new Client({ opened: 'stopping' }).send(HELLO, NULL_CHOICE);
    expect([stopping.written, stopping.ended]).toEqual([[LIST], { kind: 'stopping' }]);
  });

  test.each([
    [0x01, true],
    [0x03, true],
    [0x71, true],
    [0x00, false],
    [0x02, false],
    [0x81, false],
    [0xf1, false],
  ])('flags %d: membership frames %s', (flags, membership) => {
    const client = new Client().send(Uint8Array.of(4, 4, 0, flags, 1, 0x61), NULL_CHOICE);
    expect(client.opens).toEqual([{ name: 'a', membership }]);
  });
});

describe('item 8: authentication', () => {
  const hello = `04040001 01 ${ascii('y')}`;
  const accepted = `0104040007${ascii('#y#solo')}`;

  test('the list names what is enabled', () => {
    expect(new Client({ allowed: ['NULL', 'IP'] }).send(hello).written).toEqual([`08${ascii('NULL IP ')}`]);
    expect(new Client({ allowed: ['IP'] }).send(hello).written).toEqual([`03${ascii('IP ')}`]);
  });

  test.each([['FOO'], [''], ['NULL', 'FOO'], ['IP'], ['N'.repeat(30)]])('choice %j is refused', (...methods) => {
    const client = new Client({ verdict: true }).send(hello, choice(...methods));
    expect([client.written.at(-1), client.verifications]).toEqual(['f7', []]);
  });

  test('slots are read up to the first empty one, twice the same is accepted', () => {
    const late = choice('NULL', '', 'FOO');
    expect(new Client().send(hello, late).written.at(-1)).toBe(accepted);
    expect(new Client().send(hello, choice('NULL', 'NULL')).written.at(-1)).toBe(accepted);
  });

  test.each([true, false])('a required method is added (verdict %s)', (verdict) => {
    const client = new Client({ allowed: ['NULL', 'IP'], required: ['IP'], verdict }).send(hello, NULL_CHOICE);
    expect(client.verifications).toEqual(['IP']);
    expect(client.written.at(-1)).toBe(verdict ? accepted : 'f7');
  });

  test('PWORD: 40 bytes, 01 or 00, then the record or f7', () => {
    const credentials = concat(
      new Uint8Array(Buffer.from('ann'.padEnd(32, '\0'))),
      new Uint8Array(Buffer.from('secret\0\0')),
    );
    for (const verdict of [true, false]) {
      const client = new Client({ allowed: ['PWORD'], verdict }).send(hello, choice('PWORD'));
      expect(client.verifications).toEqual([]);
      client.send(credentials.subarray(0, 32), credentials.subarray(32));
      expect(client.verifications).toEqual(['PWORD ann secret']);
      expect(client.written.slice(1)).toEqual(verdict ? ['01', accepted] : ['00', 'f7']);
    }
  });

  test('while a verdict is awaited, input is held and nothing is opened', () => {
    const kill = buildFrame({ service: Service.KILL, sender: '#y#solo', groups: [] });
    const client = new Client({ allowed: ['IP'] }).send(hello, choice('IP'), kill);
    expect([client.opens, client.ended]).toEqual([[], undefined]);
    client.machine.verified(true);
    expect([client.written.at(-1), client.ended]).toEqual([accepted, { kind: 'killed' }]);
  });

  test('who chose nothing and must give a password is said to owe that', () => {
    const client = new Client({ allowed: ['NULL', 'PWORD'], required: ['PWORD'] }).send(hello, choice('NULL'));
    client.machine.expired();
    expect([client.opens, client.ended]).toEqual([[], { kind: 'unready', at: 'credentials' }]);
  });

  test('a verdict after the end of time changes nothing', () => {
    const client = new Client({ allowed: ['IP'] }).send(hello, choice('IP'));
    client.machine.expired();
    client.machine.verified(true);
    expect([client.opens, client.ended]).toEqual([[], { kind: 'unready', at: 'authenticating' }]);
  });

  test.each([
    [['NULL'], true, []],
    [['NULL', 'IP'], true, ['IP']],
    [['IP'], false, ['IP']],
    [['PWORD'], false, []],
  ] as [AuthMethod[], boolean, string[]][])('clients before 3.16, allowed %j', (allowed, verdict, verifications) => {
    const client = new Client({ allowed, verdict }).send(`03 0e 01 01 ${ascii('y')}`);
    expect(client.verifications).toEqual(verifications);
    expect(client.written).toEqual([verdict ? `01040407${ascii('#y#solo')}` : 'f7']);
  });
});

describe('the stream behind the handshake', () => {
  const frame = (service: number) => buildFrame({ service, sender: '#user#solo', groups: ['chat'] });

  test('item 11: hello, choice and frames may come in one piece or byte by byte', () => {
    const all = concat(bytes(HELLO), NULL_CHOICE, frame(Service.JOIN), frame(Service.AGREED), frame(Service.KILL));
    const runs = hex(concat(frame(Service.JOIN), frame(Service.AGREED)));
    const whole = new Client().send(all);
    const single = new Client().send(...Array.from(all, (byte) => Uint8Array.of(byte)));
    for (const client of [whole, single]) {
      expect([client.written, client.runs, client.messages]).toEqual([[LIST, ACCEPT], runs, 2]);
      expect(client.ended).toEqual({ kind: 'killed' });
    }
  });

  test('by the last chunk it tells whether many messages come, and whether large ones', () => {
    const large = buildFrame({
      service: Service.AGREED,
      sender: '#user#solo',
      groups: ['chat'],
      body: new Uint8Array(4096),
    });
    const times = (n: number): Uint8Array => concat(...Array.from({ length: n }, () => frame(Service.AGREED)));
    const part = large.subarray(0, 500);
    const tells = ({ machine }: Client): [boolean, boolean] => [machine.isMany(), machine.isLarge()];
    expect(tells(new Client().send(HELLO))).toEqual([false, false]);
    expect(tells(new Client().send(HELLO, NULL_CHOICE, times(7)))).toEqual([false, false]);
    expect(tells(new Client().send(HELLO, NULL_CHOICE, times(8)))).toEqual([true, false]);
    expect(tells(new Client().send(HELLO, NULL_CHOICE, times(8), times(1)))).toEqual([false, false]);
    expect(tells(new Client().send(HELLO, NULL_CHOICE, concat(times(7), part)))).toEqual([false, true]);
    expect(tells(new Client().send(HELLO, NULL_CHOICE, concat(times(127), part)))).toEqual([true, true]);
    // Whatever length the last one claims, the others are small.
    expect(tells(new Client().send(HELLO, NULL_CHOICE, concat(times(128), part)))).toEqual([true, false]);
    expect(tells(new Client().send(HELLO, NULL_CHOICE, part, large.subarray(500)))).toEqual([false, false]);
  });

  test('a closed connection is not a KILL; an invalid frame names its rule', () => {
    const closed = new Client().send(HELLO, NULL_CHOICE, frame(Service.AGREED));
    closed.machine.finished();
    expect(closed.ended).toEqual({ kind: 'closed' });
    const invalid = new Client().send(HELLO, NULL_CHOICE, frame(Service.AGREED), frame(0), frame(Service.AGREED));
    expect([invalid.messages, invalid.ended]).toEqual([1, { kind: 'invalid', fault: 'service' }]);
  });

  test('more than a handshake needs ends the connection before memory is taken', () => {
    const client = new Client({ allowed: ['IP'] }).send(HELLO, choice('IP'));
    for (let i = 0; i < 20; i++) client.send(new Uint8Array(64 * 1024));
    expect(client.ended).toEqual({ kind: 'flooded' });
  });

  test('any bytes in any pieces never throw and end at most once', () => {
    const some = fc.array(
      fc.oneof(fc.uint8Array({ maxLength: 120 }), fc.constant(bytes(HELLO)), fc.constant(NULL_CHOICE)),
      {
        maxLength: 6,
      },
    );
    fc.assert(
      fc.property(some, fc.boolean(), (parts, verdict) => {
        const client = new Client({ allowed: ['NULL', 'IP', 'PWORD'], verdict }).send(...parts);
        client.machine.expired();
        client.machine.finished();
        expect(client.ended).toBeDefined();
      }),
      { numRuns: 300 },
    );
  });
});

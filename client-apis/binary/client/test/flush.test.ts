// Item 53: the flush layer says and delivers what the peer's does, as both members of a real run (14a, 14b); and what its
// rules ask where that run does not go.
import { describe, expect, test } from '@jest/globals';
import { buildFrame, frameBytes, HEADER_BYTES, Service } from '../../../../core/wire/frame.js';
import { viewFrame } from '../../../../core/machine/groups/notice.js';
import { nameField } from '../../../../core/machine/groups/names.js';
import { readFixture } from '../../../../test/fixture-replay/fixture.js';
import { Encoder } from '../encoder.js';
import { LEVELS, type Level } from '../events.js';
import { FlushMachine, SUBGROUP_CAST, type FlushEvent } from '../flush-machine.js';
import { EventReader } from '../reader.js';

const MAX_BYTES = 1 << 20;
const text = (s: string): Uint8Array[] => [new TextEncoder().encode(s)];

/** A member whose daemon is the test. */
class Member {
  readonly delivered: FlushEvent[] = [];
  readonly machine: FlushMachine;
  readonly sent: Uint8Array[] = [];
  private readonly encoder: Encoder;
  private readonly reader: EventReader;

  constructor(readonly self: string) {
    this.encoder = new Encoder(self, MAX_BYTES);
    this.reader = new EventReader(self, MAX_BYTES);
    this.machine = new FlushMachine(() => self, {
      send: (level, groups, body, type, bits) => this.say(LEVELS[level] | bits, groups, type, body as Uint8Array[]),
      deliver: (e) => this.delivered.push(e),
    });
  }

  say(service: number, groups: readonly string[], type = 0, body: readonly Uint8Array[] = []): void {
    this.encoder.add(service, groups, type, body);
    this.sent.push(Buffer.concat(this.encoder.take()));
  }

  hear(bytes: Uint8Array): void {
    for (const e of this.reader.push(new Uint8Array(bytes))) this.machine.received(e);
  }

  join(group: string): void {
    this.machine.joining(group);
    this.say(Service.JOIN, [group]);
  }

  leave(group: string): void {
    this.machine.leaving(group);
    this.say(Service.LEAVE, [group]);
  }

  end(): void {
    this.say(Service.KILL, [this.self]);
  }

  get told(): string[] {
    return this.delivered.map((e) => {
      switch (e.kind) {
        case 'view':
          return `view ${e.id.index} ${e.cause} [${e.members.join(' ')}] with [${e.together.join(' ')}]`;
        case 'message':
          return `${e.level} ${e.sender} ${e.type} ${Buffer.from(e.data).toString()} to ${e.groups.join(' ')}`;
        case 'transitional':
          return `transitional ${e.group}`;
        default:
          return e.kind === 'flush-request' || e.kind === 'left' ? `${e.kind} ${e.group}` : e.kind;
      }
    });
  }
}

/** The C library leaves whatever was in its memory behind the name of a KILL frame: no part of the protocol. */
function tidied(frame: Buffer): Buffer {
  const b = Buffer.from(frame);
  if ((b.readUInt32LE(0) & Service.KILL) !== 0) b.fill(0, b.indexOf(0, HEADER_BYTES));
  return b;
}

/** Plays a fixture: what the daemon said is heard, what the member said must come out, caused by it or by the next act. */
function play(file: string, self: string, acts: ((m: Member) => void)[]): Member {
  const m = new Member(self);
  const queue = [...acts];
  for (const step of readFixture(file)[0]!.steps.slice(4)) {
    if (step.kind === 'expect' && step.frame) m.hear(step.bytes);
    if (step.kind !== 'send') continue;
    for (let at = 0; at < step.bytes.length;) {
      const frame = step.bytes.subarray(at, at + frameBytes(step.bytes, at));
      at += frame.length;
      while (m.sent.length === 0 && queue.length > 0) queue.shift()!(m);
      const said = Buffer.from(m.sent.shift() ?? []);
      expect([file, step.line, said.toString('hex')]).toEqual([file, step.line, tidied(frame).toString('hex')]);
    }
  }
  expect([queue.length, m.sent.length]).toEqual([0, 0]);
  return m;
}

describe('a real run', () => {
  test('the first member (14a)', () => {
    const m = play('14a-flush-first-member.hex', '#fa#solo', [
      (x) => x.join('fg'),
      (x) => x.machine.flush('fg'),
      (x) => x.machine.multicast('agreed', 'fg', text('agree'), 5, 0),
      (x) => x.machine.multicast('fifo', 'fg', text('sub'), 6, 0, ['#fb#solo']),
      (x) => x.machine.multicast('fifo', '#fb#solo', text('priv'), 7, 0),
      (x) => x.machine.multicast('fifo', 'fg', text('vuln'), 9, 0),
      (x) => x.machine.multicast('agreed', 'fg', text('au'), 10, 0),
      (x) => x.machine.flush('fg'),
      (x) => x.end(),
    ]);
    expect(m.told).toEqual([
      'view 1 join [#fa#solo] with [#fa#solo]',
      'flush-request fg',
      'view 2 join [#fa#solo #fb#solo] with [#fa#solo]',
      'agreed #fa#solo 5 agree to fg',
      'flush-request fg',
      'transitional fg',
      'fifo #fa#solo 9 vuln to fg',
      'agreed #fa#solo 10 au to fg',
      'view 3 leave [#fa#solo] with [#fa#solo]',
    ]);
    expect(m.machine.describe('fg')).toBe('joined steady queue 0 members 1');
  });

  test('the second member (14b)', () => {
    const m = play('14b-flush-second-member.hex', '#fb#solo', [
      (x) => x.join('fg'),
      (x) => x.leave('fg'),
      (x) => x.end(),
    ]);
    expect(m.told).toEqual([
      'view 2 join [#fa#solo #fb#solo] with [#fb#solo]',
      'agreed #fa#solo 5 agree to fg',
      'fifo #fa#solo 6 sub to #fb#solo fg',
      'fifo #fa#solo 7 priv to #fb#solo #fb#solo',
      'left fg',
    ]);
  });
});

const A = '#a#d';
const B = '#b#d';
const C = '#c#d';

function view(
  index: number,
  cause: number,
  members: readonly string[],
  sets: readonly (readonly string[])[],
  own = 0,
): Uint8Array {
  const blocks = (names: readonly string[]): Uint8Array =>
    Uint8Array.from(Buffer.concat(names.map((n) => nameField(n))));
  const id = { number: 1, time: 2, index };
  return viewFrame(cause as typeof Service.CAUSED_BY_JOIN, nameField('g'), blocks(members), id, {
    sets: sets.map((s) => [blocks(s)]),
    own,
  });
}

const joined = (index: number, who: string, members: readonly string[]): Uint8Array =>
  view(index, Service.CAUSED_BY_JOIN, members, [[who]]);
const parted = (index: number, who: string, members: readonly string[]): Uint8Array =>
  view(index, Service.CAUSED_BY_LEAVE, members, [[who]]);

function idOf(index: number): Uint8Array {
  const b = Buffer.alloc(12);
  b.writeUInt32LE(1, 0);
  b.writeUInt32LE(2, 4);
  b.writeUInt32LE(index, 8);
  return b;
}

const said =
  (type: number) =>
  (index: number, sender: string): Uint8Array =>
    buildFrame({ service: Service.FIFO, sender, groups: ['g'], type, body: idOf(index) });
const ok = said(-32_768);
const recv = said(-32_767);
const plain = (sender: string, body: string, level: Level = 'agreed'): Uint8Array =>
  buildFrame({ service: LEVELS[level], sender, groups: ['g'], body: text(body)[0]! });

/** A is in a view of A and B, and it is steady. */
function steady(): Member {
  const m = new Member(A);
  m.join('g');
  for (const f of [joined(1, A, [A]), ok(1, A), recv(1, A), joined(2, B, [A, B])]) m.hear(f);
  m.machine.flush('g');
  for (const f of [ok(2, A), ok(2, B), recv(2, A), recv(2, B)]) m.hear(f);
  expect(m.machine.describe('g')).toBe('joined steady queue 0 members 2');
  m.delivered.length = 0;
  m.sent.length = 0;
  return m;
}

describe('rules', () => {
  test('a view waits for everybody, and nothing is sent between flush and view', () => {
    const m = steady();
    m.hear(joined(3, C, [A, B, C]));
    expect(m.told).toEqual(['flush-request g']);
    m.machine.multicast('agreed', 'g', text('last words'), 0, 0);
    m.machine.flush('g');
    expect(() => m.machine.multicast('agreed', 'g', text('too late'), 0, 0)).toThrow(/ILLEGAL_STATE/);
    for (const f of [ok(3, A), ok(3, C)]) m.hear(f);
    expect(m.told).toEqual(['flush-request g']);
    m.hear(ok(3, B));
    expect(m.told.at(-1)).toBe(`view 3 join [${A} ${B} ${C}] with [${A} ${B}]`);
  });

  test('who leaves before it agreed: the change melts into the next, which is a network change', () => {
    const m = steady();
    m.hear(joined(3, C, [A, B, C]));
    m.machine.flush('g');
    m.hear(ok(3, A));
    m.hear(parted(4, C, [A, B]));
    // Our flush ok for the new change goes by itself: the user agreed already.
    expect(m.sent.length).toBe(2);
    for (const f of [ok(4, A), ok(4, B)]) m.hear(f);
    expect(m.told).toEqual(['flush-request g', `view 4 network [${A} ${B}] with [${A} ${B}]`]);
  });

  test('who agreed and then left is in the view, which is transitional at once', () => {
    const m = steady();
    m.hear(joined(3, C, [A, B, C]));
    m.machine.flush('g');
    for (const f of [ok(3, A), ok(3, C), parted(4, C, [A, B]), ok(3, B)]) m.hear(f);
    expect(m.told).toEqual([
      'flush-request g',
      `view 3 join [${A} ${B} ${C}] with [${A} ${B}]`,
      'flush-request g',
      'transitional g',
    ]);
  });

  test('a message sent early in the next view waits for it; of who is gone nothing comes any more', () => {
    const m = steady();
    m.hear(joined(3, C, [A, B, C]));
    m.machine.flush('g');
    const early = buildFrame({
      service: Service.FIFO,
      sender: B,
      groups: ['g'],
      type: -32_766,
      body: Uint8Array.of(...text('early')[0]!, 9, 0, ...idOf(3)),
    });
    for (const f of [ok(3, A), ok(3, B), early]) m.hear(f);
    expect(m.told).toEqual(['flush-request g']);
    m.hear(ok(3, C));
    expect(m.told.at(-1)).toBe(`fifo ${B} 9 early to g`);
    m.hear(parted(4, B, [A, C]));
    m.hear(plain(B, 'ghost'));
    expect(m.told.at(-1)).toBe('transitional g');
  });

  test('a partition: one flush request, one transitional signal, and the view of who came along', () => {
    const m = steady();
    m.hear(view(1, Service.CAUSED_BY_NETWORK, [A], [[A]]));
    expect(m.told).toEqual(['flush-request g', 'transitional g']);
    m.machine.flush('g');
    m.hear(ok(1, A));
    expect(m.told.at(-1)).toBe(`view 1 network [${A}] with [${A}]`);
  });

  test('errors of the user', () => {
    const m = steady();
    expect(() => m.machine.joining('g')).toThrow(/ILLEGAL_GROUP/);
    expect(() => m.machine.flush('g')).toThrow(/ILLEGAL_STATE/);
    expect(() => m.machine.flush('other')).toThrow(/ILLEGAL_GROUP/);
    expect(() => m.machine.multicast('agreed', 'other', text(''), 0, 0)).toThrow(/ILLEGAL_GROUP/);
    expect(() => m.machine.multicast('agreed', 'g', text(''), -32_766, 0)).toThrow(/ILLEGAL_MESSAGE_TYPE/);
    expect(() => m.machine.multicast('agreed', 'g', text(''), 0, 0, [C])).toThrow(/ILLEGAL_RECEIVERS/);
    m.machine.leaving('g');
    expect(() => m.machine.leaving('g')).toThrow(/ILLEGAL_GROUP/);
  });

  test('a tail that is not all there is dropped', () => {
    const m = steady();
    m.hear(buildFrame({ service: Service.FIFO, sender: B, groups: ['g'], type: -32_766, body: Uint8Array.of(1, 2) }));
    m.hear(buildFrame({ service: Service.FIFO | SUBGROUP_CAST, sender: B, groups: [A], body: Uint8Array.of(1) }));
    expect(m.told).toEqual([]);
  });
});

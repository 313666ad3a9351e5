// Single rules of the mesh, one event at a time (docs/design/mesh.md, section 3; the numbers stand in the names).
import { describe, expect, test } from '@jest/globals';
import { createMesh } from '../../core/machine/mesh/index.js';
import { DATA, NACK, STAND, dataHead, nack, readNack, stand } from '../../core/machine/mesh/wire.js';
import type { Bytes, Evidence, Link, LinkUp, Pack } from '../../core/machine/types.js';
import { configurationOf } from '../compliance/link-member.js';

interface Sent {
  readonly to: number | 'all';
  readonly head: Bytes;
  readonly body: Bytes | undefined;
}

class Watcher implements LinkUp {
  sent: Sent[] = [];
  readonly log: string[] = [];
  readonly timers = new Map<number, number>();
  suspects: { rank: number; why: Evidence }[] = [];
  stableTo: readonly number[] = [];
  windowLeft = -1;
  full = new Set<number | 'all'>();
  nowMs = 1000;

  accepted(sender: number, index: number): void {
    this.log.push(`${sender}.${index}`);
  }

  release(): void {
    // What is released is what the sim's daemons check.
  }

  stable(upTo: ArrayLike<number>): void {
    this.stableTo = Array.from(upTo);
  }

  window(bytes: number): void {
    this.windowLeft = bytes;
  }

  suspect(rank: number, why: Evidence): void {
    this.suspects.push({ rank, why });
  }

  send(to: number | 'all', _plane: string, head: Bytes, body?: Bytes): boolean {
    if (this.full.has(to) || (to === 'all' && this.full.size > 0)) return false;
    this.sent.push({ to, head, body });
    return true;
  }

  setTimer(key: number, ms: number): void {
    if (ms < 0) this.timers.delete(key);
    else this.timers.set(key, ms);
  }

  now(): number {
    return this.nowMs;
  }

  /** Kinds of what was sent since the last call, with the receiver. */
  kinds(): string[] {
    const names: Record<number, string> = { [DATA]: 'DATA', [STAND]: 'STAND', [NACK]: 'NACK' };
    const kinds = this.sent.map((s) => `${names[s.head[0]!]!} ${s.to}`);
    this.sent = [];
    return kinds;
  }
}

const [ACK_TIMER, NACK_TIMER, WATCH_TIMER] = [0, 1, 2] as const;

function pack(size: number, safeAt = -1): Pack {
  return { kind: 'frames', position: 1, safeAt, bytes: new Uint8Array(size) };
}

function data(index: number, p = pack(10)): Bytes {
  return Uint8Array.of(...dataHead(index, p, undefined), ...p.bytes);
}

function start(stream: boolean, members = 3, windowBytes?: number, maxBytes = 1400): { link: Link; up: Watcher } {
  const link = createMesh(windowBytes === undefined ? { stream } : { stream, windowBytes });
  const up = new Watcher();
  link.install(configurationOf(members, 0, { stream, maxBytes, queueBytes: 0 }, link.overheadBytes), up);
  up.timers.clear();
  return { link, up };
}

/** Fires the timer of that key, then ends the tick. */
function fire(link: Link, up: Watcher, key: number): void {
  up.timers.delete(key);
  link.timer(key);
  link.flush();
}

describe('acknowledging (3.6)', () => {
  test('a pack with SAFE frames: one row at the end of the tick, however many packs', () => {
    const { link, up } = start(true);
    link.received(1, data(1, pack(10, 0)));
    link.received(1, data(2, pack(10, 0)));
    expect(up.kinds()).toEqual([]);
    link.flush();
    expect(up.kinds()).toEqual(['STAND all']);
    link.flush();
    expect(up.kinds()).toEqual([]);
  });

  test('so does a pack that came after the SAFE one which waits for it, but none behind that', () => {
    const { link, up } = start(true);
    link.received(2, data(1, { ...pack(10, 0), position: 2 }));
    link.flush();
    expect(up.kinds()).toEqual(['STAND all']);
    link.received(1, data(1, { ...pack(10), position: 1 }));
    link.flush();
    expect(up.kinds()).toEqual(['STAND all']);
    link.received(1, data(2, { ...pack(10), position: 3 }));
    link.flush();
    expect(up.kinds()).toEqual([]);
  });

  test('packs of the turn have no position, and hurry nobody, also after a SAFE one', () => {
    const { link, up } = start(true);
    link.received(1, data(1, pack(10, 0)));
    link.flush();
    expect(up.kinds()).toEqual(['STAND all']);
    link.received(1, data(2, { kind: 'turn', position: 0, safeAt: -1, bytes: new Uint8Array(9) }));
    link.flush();
    expect(up.kinds()).toEqual([]);
  });

  test.each([
    { members: 3, stream: true, ms: 45 },
    { members: 6, stream: true, ms: 90 },
    { members: 40, stream: true, ms: 100 },
    { members: 16, stream: false, ms: 20 },
  ])('the more members, the later: $members, stream $stream, $ms ms', ({ members, stream, ms }) => {
    const { link, up } = start(stream, members);
    link.received(1, data(1));
    link.flush();
    expect(up.timers.get(ACK_TIMER)).toBe(ms);
  });

  test('others wait for the timer, or travel with own data', () => {
    const { link, up } = start(true);
    link.received(1, data(1));
    link.flush();
    expect(up.kinds()).toEqual([]);
    expect(up.timers.get(ACK_TIMER)).toBe(45);
    fire(link, up, ACK_TIMER);
    expect(up.kinds()).toEqual(['STAND all']);
    link.received(1, data(2));
    link.submit(pack(5));
    link.flush();
    expect(up.sent.map((s) => s.head.length)).toEqual([18 + 3 * 6]);
    fire(link, up, ACK_TIMER);
    expect(up.kinds()).toEqual(['DATA all']);
  });

  test.each([
    { part: 'half', stream: true, bytes: 8000 },
    { part: 'an eighth', stream: false, bytes: 2000 },
  ])('$part of the window is acknowledged at once, stream $stream', ({ stream, bytes }) => {
    const { link, up } = start(stream, 2, 16_000);
    link.received(1, data(1, pack(bytes - 100)));
    link.flush();
    expect(up.kinds()).toEqual([]);
    link.received(1, data(2, pack(100)));
    link.flush();
    expect(up.kinds()).toEqual(['STAND all']);
  });

  test('a row too long for one message goes in several', () => {
    const { link, up } = start(false, 9, undefined, 40);
    link.received(1, data(1, pack(10, 0)));
    link.flush();
    expect(up.kinds()).toEqual(['STAND all', 'STAND all']);
  });
});

describe('holes', () => {
  test('on datagrams: NACK after 5 ms, then 25, 50 ... 400 (3.4)', () => {
    const { link, up } = start(false);
    link.received(1, data(1));
    link.received(1, data(4));
    link.received(1, data(6));
    link.flush();
    expect(up.timers.get(NACK_TIMER)).toBe(5);
    const waits: number[] = [];
    up.kinds();
    for (let i = 0; i < 7; i++) {
      up.nowMs += up.timers.get(NACK_TIMER)!;
      fire(link, up, NACK_TIMER);
      waits.push(up.timers.get(NACK_TIMER)!);
    }
    expect(waits).toEqual([25, 50, 100, 200, 400, 400, 400]);
    expect(readNack(up.sent[0]!.head)).toEqual([
      { first: 2, many: 2 },
      { first: 5, many: 1 },
    ]);
    link.received(1, data(2));
    link.received(1, data(3));
    expect(up.log).toEqual(['1.1', '1.2', '1.3', '1.4']);
    link.received(1, data(5));
    expect(up.log.at(-1)).toBe('1.6');
  });

  test('a NACK that brought nothing is repeated smaller: 256 packs, 64, 16, 4, and twice as many after progress (3.4)', () => {
    const { link, up } = start(false);
    const asked = (): [number, number] => {
      up.nowMs += up.timers.get(NACK_TIMER)!;
      fire(link, up, NACK_TIMER);
      const heads = up.sent.filter((s) => s.head[0] === NACK).map((s) => s.head);
      up.sent = [];
      const ranges = heads.flatMap((head) => readNack(head)!);
      return [ranges[0]!.first, ranges.reduce((n, r) => n + r.many, 0)];
    };
    link.received(1, data(1000));
    link.flush();
    expect([asked(), asked(), asked(), asked(), asked()]).toEqual([
      [1, 256],
      [1, 64],
      [1, 16],
      [1, 4],
      [1, 4],
    ]);
    link.received(1, data(1));
    link.flush();
    expect([asked(), asked()]).toEqual([
      [2, 8],
      [2, 4],
    ]);
  });

  test('a NACK is answered to the asker, from the store, without what is stable', () => {
    const { link, up } = start(false, 2);
    for (let i = 0; i < 4; i++) link.submit(pack(10));
    link.received(1, stand(0, [2, 0], 0, 2));
    up.kinds();
    link.received(1, nack([{ first: 1, many: 100 }]));
    expect(up.kinds()).toEqual(['DATA 1', 'DATA 1']);
  });

  test('on streams: RESEND once per value of accepted, and the sender goes back (3.5)', () => {
    const { link, up } = start(true);
    link.received(1, data(3));
    link.received(1, data(4));
    expect(up.kinds()).toEqual(['STAND 1']);
    for (let i = 0; i < 3; i++) link.submit(pack(10));
    up.kinds();
    link.received(2, stand(2, [1, 0, 0], 0, 3));
    expect(up.kinds()).toEqual(['DATA 2', 'DATA 2']);
    link.reconnected(1);
    expect(up.kinds()).toEqual(['STAND 1']);
  });
});

describe('a medium that says false', () => {
  test('on streams the others go on, and the slow one catches up (3.2, 3.11)', () => {
    const { link, up } = start(true);
    up.full.add(2);
    for (let i = 0; i < 3; i++) link.submit(pack(10));
    expect(up.kinds()).toEqual(['DATA 1', 'DATA 1', 'DATA 1']);
    up.full.clear();
    link.received(1, data(1, pack(1, 0)));
    link.flush();
    expect(up.kinds()).toEqual(['STAND 1']);
    link.writable(2);
    expect(up.kinds()).toEqual(['STAND 2', 'DATA 2', 'DATA 2', 'DATA 2']);
    link.submit(pack(10));
    expect(up.kinds()).toEqual(['DATA all']);
  });

  test('on datagrams everybody waits', () => {
    const { link, up } = start(false);
    up.full.add('all');
    link.submit(pack(10));
    link.submit(pack(10));
    expect(up.log).toEqual(['0.1', '0.2']);
    up.full.clear();
    link.writable('all');
    expect(up.kinds()).toEqual(['DATA all', 'DATA all']);
  });
});

describe('watching (3.8, 3.9)', () => {
  test('asks who owes, accuses after nine looks and one after a full turn of reading', () => {
    const { link, up } = start(false, 3);
    link.submit(pack(10));
    link.flush();
    link.received(1, stand(0, [1, 0, 0], 0, 3));
    up.kinds();
    const waits: number[] = [];
    while (up.suspects.length === 0 && waits.length < 20) {
      waits.push(up.timers.get(WATCH_TIMER)!);
      fire(link, up, WATCH_TIMER);
    }
    expect(waits).toEqual([50, 100, 200, 400, 400, 400, 400, 400, 400, 0]);
    expect(up.suspects).toEqual([
      { rank: 2, why: { kind: 'stuck', detail: 'it acknowledges 0 of our 1 packs, asked 9 times' } },
    ]);
    expect(new Set(up.kinds())).toEqual(new Set(['STAND 2']));
  });

  test('an answer at the last moment saves it', () => {
    const { link, up } = start(false, 2);
    link.submit(pack(10));
    link.flush();
    while (up.timers.get(WATCH_TIMER) !== 0) fire(link, up, WATCH_TIMER);
    link.received(1, stand(0, [1, 0], 0, 2));
    fire(link, up, WATCH_TIMER);
    expect(up.suspects).toEqual([]);
    expect(up.timers.has(WATCH_TIMER)).toBe(false);
    expect(up.stableTo).toEqual([1, 0]);
  });

  test('any missing pack that comes is progress, though the lowest is lost each time', () => {
    const { link, up } = start(false, 2);
    link.received(1, data(30));
    for (let index = 29; index > 1; index--) {
      link.received(1, data(index));
      fire(link, up, WATCH_TIMER);
    }
    expect(up.suspects).toEqual([]);
    for (let i = 0; i < 20 && up.suspects.length === 0; i++) fire(link, up, WATCH_TIMER);
    expect(up.suspects[0]?.why.detail).toContain('its pack 1 of 30 does not come');
  });

  test('who asks for other packs than before makes progress, though it acknowledges nothing', () => {
    const { link, up } = start(false, 2);
    for (let i = 0; i < 30; i++) link.submit(pack(10));
    link.flush();
    for (let last = 30; last > 1; last--) {
      link.received(1, nack([{ first: 1, many: last }]));
      fire(link, up, WATCH_TIMER);
    }
    expect(up.suspects).toEqual([]);
    for (let i = 0; i < 20 && up.suspects.length === 0; i++) fire(link, up, WATCH_TIMER);
    expect(up.suspects[0]?.why.detail).toContain('it acknowledges 0 of our 30 packs');
  });

  test('an ASK is answered at once, to the asker', () => {
    const { link, up } = start(true);
    link.received(1, stand(1, [0, 0, 0], 0, 3));
    expect(up.kinds()).toEqual(['STAND 1']);
  });
});

describe('the window (3.10)', () => {
  test('counts bytes and heads, closes, and opens with the slowest', () => {
    const { link, up } = start(true, 3, 10_000);
    expect(up.windowLeft).toBe(9982);
    link.submit(pack(4000));
    expect(up.windowLeft).toBe(5964);
    link.submit(pack(5964));
    expect(up.windowLeft).toBe(0);
    link.received(1, stand(0, [2, 0, 0], 0, 3));
    expect(up.windowLeft).toBe(0);
    link.received(2, stand(0, [1, 0, 0], 0, 3));
    expect(up.windowLeft).toBe(10_000 - 5982 - 18);
  });

  test('is never less than one largest pack', () => {
    expect(start(true, 2, 1).up.windowLeft).toBe(1400 - 18);
  });
});

test('what cannot be is counted as malformed and changes nothing', () => {
  const { link, up } = start(false);
  link.submit(pack(10));
  const before = link.describe();
  link.received(1, stand(0, [2, 0, 0], 0, 3));
  link.received(1, data(70_000));
  link.received(0, data(1));
  link.received(7, data(1));
  link.received(1, new Uint8Array(0));
  expect(link.describe()).toBe(before.replace('malformed=0', 'malformed=5'));
  expect(up.log).toEqual(['0.1']);
  expect(up.stableTo).toEqual([]);
});

test('submit outside a configuration is a programmer error', () => {
  const { link } = start(true);
  link.freeze();
  expect(() => link.submit(pack(1))).toThrow('outside a configuration');
});

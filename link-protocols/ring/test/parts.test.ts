// Packs in parts (docs/design/ring.md 2): cut to what a datagram has room for, put together again, never from two cuts.
import { describe, expect, test } from '@jest/globals';
import { MAX_RUN_BYTES } from 'peal/plugin';
import { DATAGRAM_COST_BYTES, DATAGRAMS_PER_PACK, MAX_PARTS, SMALL_ROOM_BYTES } from '../limits.js';
import { createRing } from '../machine.js';
import { packingFor, Parts, partsOf } from '../parts.js';
import { dataHead, PART_BYTES, readData, type Arrived, type Numbered } from '../wire.js';
import { Bench } from './bench.js';

const is =
  (text: string) =>
  (s: { text: string }): boolean =>
    s.text === text;

describe('a pack in parts', () => {
  test('goes in as many datagrams as it needs, each within the room, and is handed up once', () => {
    const b = new Bench(3, {}, [1400, 1400, 1400]);
    b.say(0, 7, 5000);
    expect(b.texts).toEqual(['token 0>1', ...new Array<string[]>(4).fill(['data 0>1', 'data 0>2']).flat()]);
    for (const { bytes } of b.sent) expect(bytes.length).toBeLessThanOrEqual(1400 + 20);
    b.settle();
    expect(b.seats.map((s) => [s.got, s.stable])).toEqual([
      [[7], 1],
      [[7], 1],
      [[7], 1],
    ]);
  });

  test('of which one is lost is asked for; what had arrived of it counts', () => {
    const b = new Bench(2, {}, [1400, 1400]);
    b.say(0, 7, 5000);
    b.sent.splice(2, 1);
    b.deliver();
    expect(b.seats[1]!.got).toEqual([]);
    b.deliver();
    b.deliver(is('token 0>1'));
    expect(b.seats[1]!.link.describe()).toContain('requested=1');
    b.deliver(is('token 1>0'));
    // The answer; its second part is the one that was missing.
    expect(b.sent.filter(is('data 0>1'))).toHaveLength(4);
    b.deliver(is('data 0>1'));
    expect(b.seats[1]!.got).toEqual([7]);
    b.settle();
    expect(b.seats.map((s) => s.link.describe().includes('malformed=0'))).toEqual([true, true]);
  });

  test('that was cut for a larger room goes on when the room shrinks', () => {
    const rooms = [61_000, 61_000];
    const b = new Bench(2, {}, rooms);
    rooms.fill(546);
    b.say(0, 7, 60_000);
    b.settle();
    expect(b.seats.map((s) => s.got)).toEqual([[7], [7]]);
  });

  test('that would need more parts than are taken goes in that many, which are larger', () => {
    const rooms = [59_952, 59_952];
    const b = new Bench(2, {}, rooms);
    rooms.fill(352);
    b.say(0, 7, 59_952);
    expect(b.sent.filter(is('data 0>1'))).toHaveLength(MAX_PARTS);
    b.settle();
    expect(b.seats.map((s) => s.got)).toEqual([[7], [7]]);
  });

  test('fits the datagrams of whoever has the smallest, whatever the own medium carries', () => {
    const sent: number[] = [];
    const link = createRing();
    const members = [0, 1].map((place) => ({ name: `m${place}`, incarnation: 1n, place }));
    const configuration = { id: { number: 1, time: 1 }, members, self: 0, maxPackBytes: 1419 };
    link.install(configuration, {
      accepted: () => undefined,
      release: () => undefined,
      stable: () => undefined,
      window: () => undefined,
      suspect: () => undefined,
      send: (_to, _plane, head, body) => {
        sent.push(head.length + (body?.length ?? 0));
        return true;
      },
      setTimer: () => undefined,
      now: () => 0,
      roomBytes: () => 61_000,
    });
    link.submit({ kind: 'piece', position: 0, safeAt: -1, bytes: new Uint8Array(8000) });
    link.flush();
    expect(sent.length).toBeGreaterThan(6);
    expect(Math.max(...sent)).toBeLessThanOrEqual(1419 + 20);
  });

  test('made for a small room is let in where a larger one has come back', () => {
    const windows: number[] = [];
    const members = [0, 1].map((place) => ({ name: `m${place}`, incarnation: 1n, place }));
    for (const self of [0, 1]) {
      const link = createRing();
      link.install(
        { id: { number: 1, time: 1 }, members, self, maxPackBytes: 8852 },
        {
          accepted: () => undefined,
          release: () => undefined,
          stable: () => undefined,
          window: (bytes) => windows.push(bytes),
          suspect: () => undefined,
          send: () => true,
          setTimer: () => undefined,
          now: () => 0,
          roomBytes: () => 8852,
        },
      );
    }
    // Also of whoever has not the token, who shows with one pack that there is something to say.
    expect(windows).toHaveLength(2);
    for (const bytes of windows) expect(bytes).toBeGreaterThanOrEqual(packingFor(3000).bytes);
  });

  test('costs more than the window when the room shrinks: a ring of one numbers it all the same', () => {
    const rooms = [6000];
    const b = new Bench(1, { windowBytes: 5000 }, rooms);
    rooms[0] = 1000;
    for (const mark of [1, 2, 3]) b.say(0, mark, 6000);
    expect(b.sent).toEqual([]);
    expect(b.seats[0]!.got).toEqual([1, 2, 3]);
  });
});

describe('parts', () => {
  const content = Uint8Array.from({ length: 100 }, (_, i) => i);
  const n: Numbered = {
    position: 5,
    sender: 1,
    index: 2,
    pack: { kind: 'frames', position: 5, safeAt: -1, bytes: content },
    body: content,
  };
  const cutIn = (parts: number): Arrived[] => {
    const size = Math.ceil(content.length / parts);
    return Array.from({ length: parts }, (_, i) => {
      const body = content.subarray(i * size, (i + 1) * size);
      return readData(Uint8Array.of(...dataHead(n, i, parts), ...body), 3)!;
    });
  };

  test('two cuts of two members do not mix, and a new cut of one takes the place of its old one', () => {
    const parts = new Parts(3);
    const [a, c] = [cutIn(2), cutIn(3)];
    expect(parts.add(1, a[0]!)).toBeUndefined();
    expect(parts.add(2, c[1]!)).toBeUndefined();
    expect(parts.add(2, c[2]!)).toBeUndefined();
    expect(parts.bytes).toBe(50 + 34 + 32 + 3 * DATAGRAM_COST_BYTES);
    expect(parts.add(1, c[0]!)).toBeUndefined();
    expect(parts.add(1, c[0]!)).toBeUndefined();
    expect(parts.bytes).toBe(34 + 34 + 32 + 3 * DATAGRAM_COST_BYTES);
    expect(parts.add(2, c[0]!)).toEqual(content);
    expect(parts.bytes).toBe(34 + DATAGRAM_COST_BYTES);
    parts.forget(4);
    expect(parts.bytes).toBe(34 + DATAGRAM_COST_BYTES);
    parts.forget(5);
    expect(parts.bytes).toBe(0);
  });

  test('that arrive in another order are put together in theirs', () => {
    const parts = new Parts(3);
    const [a, b, c] = cutIn(3);
    expect(parts.add(1, c!)).toBeUndefined();
    expect(parts.add(1, a!)).toBeUndefined();
    expect(parts.add(1, b!)).toEqual(content);
  });

  test('of claimed numbers that cannot be are malformed', () => {
    const bytes = Uint8Array.of(...dataHead(n, 1, 2), 9);
    const claimed = (part: number, many: number): Arrived | undefined => {
      bytes[20] = part;
      bytes[21] = many;
      return readData(bytes, 3);
    };
    expect(claimed(1, 2)?.parts).toBe(2);
    expect(claimed(MAX_PARTS - 1, MAX_PARTS)?.part).toBe(MAX_PARTS - 1);
    for (const [part, many] of [
      [0, 0],
      [0, 1],
      [2, 2],
      [0, MAX_PARTS + 1],
    ] as const)
      expect(claimed(part, many)).toBeUndefined();
    expect(readData(bytes.subarray(0, 21), 3)).toBeUndefined();
    // A part without bytes would cost memory and bring nothing.
    claimed(1, 2);
    expect(readData(bytes.subarray(0, 22), 3)).toBeUndefined();
  });

  test('only where a datagram is small, and then no part is larger than its room', () => {
    expect(packingFor(SMALL_ROOM_BYTES)).toEqual({ bytes: SMALL_ROOM_BYTES, compact: false });
    for (const room of [400, 1412, 3000, SMALL_ROOM_BYTES - 1]) {
      const { bytes, compact } = packingFor(room);
      expect(compact).toBe(true);
      expect(bytes).toBeLessThanOrEqual(MAX_RUN_BYTES);
      expect(partsOf(bytes, room)).toBeLessThanOrEqual(DATAGRAMS_PER_PACK);
      for (let length = 1; length <= bytes; length++) {
        const parts = partsOf(length, room);
        const most = parts === 1 ? room : room - PART_BYTES;
        if (Math.ceil(length / parts) > most) throw new Error(`${length} bytes in ${parts} parts of ${most}`);
      }
    }
  });
});

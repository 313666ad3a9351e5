// The turn: docs/design/order.md, section 2.
import { describe, expect, test } from '@jest/globals';
import { Followers } from '../../../core/machine/turn/followers.js';
import { Turn } from '../../../core/machine/turn/turn.js';
import { ByteWriter } from '../../../core/wire/bytes.js';

/** n daemons whose turn packs reach all at once, in the order they were submitted. */
function cluster(n: number): { turns: Turn[]; run: () => void } {
  const sent: { from: number; bytes: Uint8Array }[] = [];
  const turns = Array.from({ length: n }, (_, i) => new Turn({ submit: (bytes) => sent.push({ from: i, bytes }) }));
  turns.forEach((t, i) => t.install(i, n));
  const run = (): void => {
    for (let m = sent.shift(); m; m = sent.shift()) for (const t of turns) expect(t.pack(m.from, m.bytes)).toBe(true);
  };
  return { turns, run };
}
const holders = (turns: Turn[]): number[] => turns.flatMap((t, i) => (t.holding ? [i] : []));

describe('turn', () => {
  test('starts at the first member with position 1', () => {
    const { turns } = cluster(3);
    expect(holders(turns)).toEqual([0]);
    expect(turns[0]!.take()).toBe(1);
    expect(turns[0]!.take()).toBe(2);
  });

  test('goes to who asked, with the next position, and stays there', () => {
    const { turns, run } = cluster(3);
    turns[0]!.take();
    turns[2]!.want();
    run();
    turns[0]!.release();
    expect(holders(turns)).toEqual([]);
    run();
    expect(holders(turns)).toEqual([2]);
    expect(turns[2]!.take()).toBe(2);
    turns[2]!.release();
    run();
    expect(holders(turns)).toEqual([2]);
  });

  test('the longest waiting is first, and asking twice changes nothing', () => {
    const { turns, run } = cluster(4);
    turns[2]!.want();
    turns[2]!.want();
    run();
    turns[1]!.want();
    turns[3]!.want();
    run();
    const order: number[] = [];
    for (let i = 0; i < 3; i++) {
      turns[holders(turns)[0]!]!.release();
      run();
      order.push(holders(turns)[0]!);
      turns[order.at(-1)!]!.take();
    }
    expect(order).toEqual([2, 1, 3]);
  });

  test('goes on after more requests than 32 bits count', () => {
    const { turns, run } = cluster(3);
    const many = 2 ** 32 - 1;
    const pass = new ByteWriter().u8(1).u16(0).u48(9).u48(many).u48(many).u48(many).finish();
    for (const t of turns) expect(t.pack(2, pass)).toBe(true);
    for (const place of [1, 0, 1]) {
      turns[place]!.want();
      run();
      turns[1 - place]!.release();
      run();
      expect(holders(turns)).toEqual([place]);
    }
  });

  test('a request that is served before it is heard of is not served again', () => {
    const sent: Uint8Array[][] = [[], [], []];
    const turns = [0, 1, 2].map((i) => new Turn({ submit: (b) => sent[i]!.push(b) }));
    turns.forEach((t, i) => t.install(i, 3));
    turns[1]!.want();
    const ask = sent[1]![0]!;
    turns[0]!.pack(1, ask);
    turns[0]!.release();
    const pass = sent[0]![0]!;
    turns[1]!.pack(0, pass);
    turns[2]!.pack(0, pass);
    turns[2]!.pack(1, ask);
    expect(turns[2]!.describe()).toBe('no turn, waiting {}');
    expect(turns[1]!.holding).toBe(true);
  });

  test('malformed turn packs are refused', () => {
    const { turns } = cluster(2);
    for (const b of [[], [0], [0, 1, 0], [1, 0, 0], [7, 0, 0, 0, 0]])
      expect(turns[1]!.pack(0, new Uint8Array(b))).toBe(false);
    expect(holders(turns)).toEqual([0]);
  });
});

describe('given away unasked', () => {
  test('to the likely one if nobody waits, and whoever waits goes first', () => {
    const { turns, run } = cluster(3);
    turns[0]!.take();
    turns[0]!.release(2);
    run();
    expect(holders(turns)).toEqual([2]);
    turns[1]!.want();
    run();
    turns[2]!.release(0);
    run();
    expect(holders(turns)).toEqual([1]);
  });

  test('what was asked for meanwhile is served by it', () => {
    const { turns, run } = cluster(3);
    turns[0]!.release(2);
    turns[2]!.want();
    run();
    expect(holders(turns)).toEqual([2]);
    turns[2]!.release();
    turns[1]!.want();
    run();
    turns[2]!.release();
    run();
    turns[1]!.release();
    run();
    expect(holders(turns)).toEqual([1]);
  });
});

describe('followers', () => {
  function after(self: number, ranks: readonly number[]): number {
    const f = new Followers();
    f.install(self, 3);
    ranks.forEach((rank, i) => {
      if (rank === self) f.begin();
      f.heard(rank, i + 1);
    });
    return f.next;
  }

  test('who followed follows again', () => {
    expect(after(0, [0])).toBe(-1);
    expect(after(0, [0, 1])).toBe(1);
    expect(after(0, [0, 1, 2, 0, 1])).toBe(1);
    expect(after(0, [0, 1, 2, 0, 2])).toBe(2);
    expect(after(0, [2, 0, 1, 2, 0])).toBe(1);
    expect(after(0, [0, 1, 0, 1, 0])).toBe(1);
  });

  test('after another speaker another one may follow: two that change places', () => {
    // 1 and 2 as they come, 0 between: whoever of the two has not spoken yet follows it.
    const spoken = [1, 0, 2, 1, 0, 2, 2, 0, 1];
    expect(after(0, [...spoken, 1, 0])).toBe(2);
    expect(after(0, [...spoken, 2, 0])).toBe(1);
  });

  test('a guess that was right is given up when it was wrong twice in a row', () => {
    const right = [2, 0, 1, 2, 0, 1];
    expect(after(0, [...right, 2, 0, 2, 0])).toBe(1);
    expect(after(0, [...right, 2, 0, 2, 0, 2, 0])).toBe(2);
    // One that never was at once.
    expect(after(0, [2, 0, 1, 2, 0, 2, 0])).toBe(2);
  });

  test('a single speaker follows itself', () => {
    expect(after(0, [0, 1, 0, 1, 0, 0])).toBe(-1);
    expect(after(0, [0, 0, 0])).toBe(-1);
    expect(after(0, [0, 0, 0, 0, 1, 0, 0, 0, 0])).toBe(-1);
  });

  test('what comes late from another stream says nothing', () => {
    const f = new Followers();
    f.install(0, 3);
    for (const [rank, position] of [
      [0, 1],
      [2, 3],
      [1, 2],
      [0, 4],
      [2, 5],
    ] as const)
      f.heard(rank, position);
    expect(f.next).toBe(2);
  });
});

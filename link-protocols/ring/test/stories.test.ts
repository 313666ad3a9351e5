// Stories of the ring, message by message: the rules of docs/design/ring.md that chance seldom shows alone.
import { describe, expect, test } from '@jest/globals';
import { Bench } from './bench.js';

const is =
  (text: string) =>
  (s: { text: string }): boolean =>
    s.text === text;

describe('the token', () => {
  test('leaves before the packs it announces, unless nothing may follow it', () => {
    const early = new Bench(3);
    early.say(0, 1);
    expect(early.texts).toEqual(['token 0>1', 'data 0>1', 'data 0>2']);
    const late = new Bench(3, { acceleratedBytes: 0 });
    late.say(0, 1);
    expect(late.texts).toEqual(['data 0>1', 'data 0>2', 'token 0>1']);
  });

  test('goes round until everybody knows that all is stable, then parks; nothing goes on', () => {
    const b = new Bench(3);
    b.say(0, 1);
    b.settle();
    expect(b.seats.map((s) => [s.got, s.stable])).toEqual([
      [[1], 1],
      [[1], 1],
      [[1], 1],
    ]);
    b.pass(60_000);
    expect(b.sent).toEqual([]);
    expect(b.seats.flatMap((s) => [...s.timers])).toEqual([]);
  });

  test('parks with who spoke last, and goes straight to who calls for it', () => {
    const b = new Bench(4);
    b.say(0, 1);
    b.settle();
    expect(b.seats[0]!.link.describe()).toContain('parked here');
    b.say(2, 2);
    expect(b.texts).toEqual(['wake 2>0']);
    b.deliver();
    expect(b.texts).toEqual(['token 0>2']);
    b.settle();
    expect(b.seats.map((s) => s.got)).toEqual([
      [1, 2],
      [1, 2],
      [1, 2],
      [1, 2],
    ]);
    expect(b.seats[2]!.link.describe()).toContain('parked here');
  });

  test('lost: sent again after 20 ms by who passed it, and never taken twice', () => {
    const b = new Bench(3);
    b.say(0, 1);
    b.lose(is('token 0>1'));
    b.deliver();
    b.pass(19);
    expect(b.sent).toEqual([]);
    b.pass(1);
    expect(b.texts).toEqual(['token 0>1']);
    const [again] = b.sent;
    b.deliver();
    b.sent.push(again!);
    b.deliver(is('token 0>1'));
    expect(b.texts).toContain('state 1>0');
    b.settle();
    expect(b.seats.map((s) => s.got)).toEqual([[1], [1], [1]]);
    expect(b.seats[1]!.link.describe()).toContain('malformed=0');
  });

  test('not answered 13 times: its addressee is suspected, and nobody else', () => {
    const b = new Bench(3);
    b.say(0, 1);
    for (let ms = 0; ms < 4300; ms += 10) {
      b.lose(() => true);
      b.pass(10);
    }
    expect(b.seats.map((s) => s.suspects)).toEqual([[1], [], []]);
  });

  test('news of its parking lost: who did not hear asks once, and learns it', () => {
    const b = new Bench(3);
    b.say(0, 1);
    for (let i = 0; i < 40; i++) {
      b.lose(is('state 0>1'));
      b.deliver();
    }
    expect(b.seats[1]!.link.describe()).toContain('token=out');
    b.pass(20);
    expect(b.texts).toEqual(['token 1>2']);
    b.settle();
    expect(b.seats[1]!.link.describe()).toContain('parked at 0');
    b.pass(60_000);
    expect(b.sent).toEqual([]);
  });
});

describe('a pack', () => {
  test('that is late is not asked for at the visit that announces it, but at the next', () => {
    const b = new Bench(2);
    b.say(0, 1);
    b.lose(is('data 0>1'));
    b.deliver();
    expect(b.seats[1]!.link.describe()).toContain('requested=0');
    b.deliver();
    b.deliver(is('token 0>1'));
    expect(b.seats[1]!.link.describe()).toContain('requested=1');
    b.settle();
    expect(b.seats.map((s) => [s.got, s.stable])).toEqual([
      [[1], 1],
      [[1], 1],
    ]);
  });

  test('of our own behind a gap was numbered: at the end it is handed over, not back', () => {
    const b = new Bench(2);
    b.say(0, 1);
    b.seats[1]!.link.submit({ kind: 'frames', position: 0, safeAt: -1, bytes: new Uint8Array([2]) });
    b.lose(is('data 0>1'));
    b.deliver(is('token 0>1'));
    b.say(1, 3);
    expect(b.seats[1]!.got).toEqual([]);
    const { unsent, behind } = b.freeze(1);
    expect(behind.map((n) => [n.position, n.sender, n.index, n.pack.bytes[0]])).toEqual([[2, 1, 1, 2]]);
    expect(unsent.map((p) => p.bytes[0])).toEqual([3]);
  });

  test('of one who fills the window does not shut out another', () => {
    const b = new Bench(2, { windowBytes: 2000 });
    const loud = b.seats[0]!.link;
    for (let i = 0; i < 30; i++)
      loud.submit({ kind: 'frames', position: 0, safeAt: -1, bytes: new Uint8Array(900).fill(7) });
    loud.flush();
    b.say(1, 9);
    b.settle();
    const at = b.seats[0]!.got.indexOf(9);
    expect(at).toBeGreaterThan(0);
    expect(at).toBeLessThan(6);
    expect(b.seats[1]!.got.length).toBe(31);
  });
});

test('a ring of one gives and hands up at once', () => {
  const b = new Bench(1);
  b.say(0, 5);
  expect(b.seats[0]).toMatchObject({ got: [5], stable: 1 });
  expect(b.sent).toEqual([]);
});

// Fragments of control messages: what docs/design/fragments.md promises, rule by rule.
import { describe, expect, test } from '@jest/globals';
import {
  cut,
  Fragments,
  FRAGMENT_HEAD_BYTES,
  MESSAGE_BYTES,
  OPEN_BYTES,
  OPEN_MESSAGES,
} from '../../../core/machine/fragments/fragments.js';
import { Random } from '../../sim/random.js';

const ROOM = 100;
const random = new Random(5, 'fragments');

function message(length: number): Uint8Array {
  return Uint8Array.from({ length }, () => random.below(256));
}

function sent(whole: Uint8Array, room = ROOM, headBytes = 7): Uint8Array[] {
  const pieces = cut(whole.subarray(0, headBytes), whole.subarray(headBytes), room);
  return pieces.map(({ head, bytes }) => Uint8Array.of(...head, ...bytes));
}

describe('fragments', () => {
  test('any order, pieces doubled: whole once, at the piece that completes it', () => {
    for (const length of [101, 176, 177, 1000, 8800]) {
      const whole = message(length);
      const pieces = random.shuffled(sent(whole));
      expect(pieces.every((p) => p.length <= ROOM)).toBe(true);
      const box = new Fragments();
      const last = pieces.pop()!;
      for (const p of pieces)
        for (const again of [p, new Uint8Array(p)]) expect(box.received(3, again)).toBeUndefined();
      expect(box.received(3, last)).toEqual(whole);
      expect(box.bytesOf(3)).toBe(0);
    }
  });
  test('repetitions complete one another: 70 pieces, every fifth lost', () => {
    const whole = message(70 * (ROOM - FRAGMENT_HEAD_BYTES));
    const box = new Fragments();
    let rounds = 0;
    for (let done = false; !done; rounds++)
      for (const p of sent(whole)) if (!random.chance(200) && box.received(0, p) instanceof Uint8Array) done = true;
    expect(rounds).toBeLessThan(8);
  });
  test('peers do not touch each other, nor do messages of one peer', () => {
    const box = new Fragments();
    const [a, b] = [message(300), message(300)];
    const [ofA, ofB] = [sent(a), sent(b)];
    for (let i = 0; i < ofA.length - 1; i++)
      for (const [place, p] of [
        [1, ofA[i]!],
        [1, ofB[i]!],
        [2, ofA[i]!],
      ] as const)
        box.received(place, p);
    expect(box.received(2, ofA.at(-1)!)).toEqual(a);
    expect(box.received(1, ofB.at(-1)!)).toEqual(b);
    expect(box.received(1, ofA.at(-1)!)).toEqual(a);
  });
  test('another size of pieces is another message', () => {
    const box = new Fragments();
    const whole = message(500);
    box.received(0, sent(whole, 100)[0]!);
    const pieces = sent(whole, 200);
    const answers = pieces.map((p) => box.received(0, p));
    expect(answers.at(-1)).toEqual(whole);
  });
  test('a whole whose hash is wrong is malformed and forgotten', () => {
    const box = new Fragments();
    const [first, second] = sent(message(150)) as [Uint8Array, Uint8Array];
    second[second.length - 1]! ^= 1;
    box.received(0, first);
    expect(box.received(0, second)).toBe('malformed');
    expect(box.bytesOf(0)).toBe(0);
  });
  test('what is no piece is malformed', () => {
    const box = new Fragments();
    const [first, last] = sent(message(150)) as [Uint8Array, Uint8Array];
    const changed = (b: Uint8Array, at: number, ...to: number[]): Uint8Array => {
      const copy = new Uint8Array(b);
      copy.set(to, at);
      return copy;
    };
    const bad = [
      new Uint8Array(0),
      first.slice(0, FRAGMENT_HEAD_BYTES),
      first.slice(0, -1),
      Uint8Array.of(...last, 0),
      changed(first, 8, 0, 0),
      changed(first, 10, 0xff, 0xff),
      changed(first, 4, 0, 0, 0, 0),
      changed(first, 4, 1, 0, 0x40, 0),
    ];
    for (const b of bad) expect(box.received(0, b)).toBe('malformed');
    expect(box.bytesOf(0)).toBe(0);
  });
  test('memory follows what arrived and is bounded; the last touched message can always be completed', () => {
    const box = new Fragments();
    const whole = new Uint8Array(MESSAGE_BYTES).fill(7);
    const [piece, ...others] = sent(whole, 60_000) as [Uint8Array, ...Uint8Array[]];
    const first = (n: number): Uint8Array => Uint8Array.of(n, ...piece.subarray(1));
    for (let n = 0; n < 5 * OPEN_MESSAGES; n++) box.received(0, first(n));
    expect(box.bytesOf(0)).toBeLessThanOrEqual(OPEN_MESSAGES * 60_000);
    const answers = [piece, ...others].map((p) => {
      const answer = box.received(0, p);
      expect(box.bytesOf(0)).toBeLessThanOrEqual(OPEN_BYTES);
      return answer;
    });
    expect(Buffer.compare(answers.at(-1) as Uint8Array, whole)).toBe(0);
    box.received(0, first(1));
    box.clear();
    expect(box.bytesOf(0)).toBe(0);
  });
  test('a message beyond the bound is a programmer error', () => {
    expect(() => cut(new Uint8Array(MESSAGE_BYTES + 1), undefined, 1400)).toThrow('control message');
    expect(() => cut(new Uint8Array(100), undefined, FRAGMENT_HEAD_BYTES)).toThrow('control message');
  });
});

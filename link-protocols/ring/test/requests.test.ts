// Answers to requests, the bytes of a token, and questions that accuse: the parts of the ring that the suite reaches only
// by chance.
import { describe, expect, test } from '@jest/globals';
import { ASK_TRIES } from '../limits.js';
import { Question } from '../question.js';
import { answer } from '../requests.js';
import { Store } from '../store.js';
import { readToken, tokenBytes, type Range, type Token } from '../wire.js';

function storeOf(...positions: number[]): Store {
  const store = new Store();
  const body = new Uint8Array(100);
  for (const position of positions) {
    const pack = { kind: 'frames', position, safeAt: -1, bytes: body } as const;
    store.put({ position, sender: 1, index: position, pack, body });
  }
  return store;
}

const costOf = (body: Uint8Array): number => body.length;
const range = (who: number, first: number, many: number, urgent = false): Range => ({ who, urgent, first, many });
const sent = (a: ReturnType<typeof answer>): string[] => a.sends.map((s) => `${s.pack.position} to ${s.to}`);

describe('answer', () => {
  test('what one asks for goes to that one, what two ask for to all; what is not here stays', () => {
    const a = answer([range(1, 1, 4), range(2, 2, 1)], storeOf(1, 2, 4), 0, 10_000, costOf);
    expect(sent(a)).toEqual(['1 to 1', '2 to all', '4 to 1']);
    expect(a.left).toEqual([range(1, 3, 1)]);
  });

  test('own requests are dropped, urgent ones are answered and left', () => {
    const a = answer([range(0, 1, 1), range(2, 1, 2, true)], storeOf(1, 2), 0, 10_000, costOf);
    expect(sent(a)).toEqual(['1 to 2', '2 to 2']);
    expect(a.left).toEqual([range(2, 1, 2, true)]);
  });

  test('beyond the budget it stays for the next, but one pack always goes', () => {
    const a = answer([range(1, 1, 3)], storeOf(1, 2, 3), 0, 10, costOf);
    expect(sent(a)).toEqual(['1 to 1']);
    expect(a.left).toEqual([range(1, 2, 2)]);
  });

  test('what everybody has is not sent again', () => {
    const store = storeOf(1, 2);
    store.next();
    store.stable(1);
    const a = answer([range(1, 1, 2)], store, 0, 10_000, costOf);
    expect(sent(a)).toEqual(['2 to 1']);
    expect(a.left).toEqual([]);
  });
});

test('a token is read as it was written, and not with a byte more or less', () => {
  const t: Token = {
    hop: 2 ** 40,
    highest: 2 ** 33,
    flight: 96_000,
    busy: 2,
    quiet: 1,
    held: new Float64Array([5, 2 ** 33, 7]),
    ranges: [range(2, 8, 3, true), range(0, 6, 1)],
  };
  const bytes = tokenBytes(t);
  expect(readToken(bytes, 3)).toEqual(t);
  expect(readToken(bytes, 4)).toBeUndefined();
  expect(readToken(bytes.subarray(0, bytes.length - 1), 3)).toBeUndefined();
  expect(readToken(Uint8Array.of(...bytes, 0), 3)).toBeUndefined();
});

describe('question', () => {
  function world() {
    const w = { now: 0, due: -1, asked: 0, accused: [] as number[] };
    const question = new Question({
      setTimer: (ms) => (w.due = w.now + ms),
      now: () => w.now,
      ask: (copies) => (w.asked += copies),
      accuse: (tries) => w.accused.push(tries),
    });
    const run = (until: number): void => {
      while (w.due >= 0 && w.due <= until) {
        w.now = w.due;
        w.due = -1;
        question.timer();
      }
      w.now = until;
    };
    return { w, question, run };
  }

  test('accuses after its last try, and only then', () => {
    const { w, question, run } = world();
    question.begin();
    run(3800);
    expect(w.accused).toEqual([]);
    run(4300);
    expect(w.accused).toEqual([ASK_TRIES]);
  });

  test('an answer starts the count anew, the end stops it and leaves no timer', () => {
    const { w, question, run } = world();
    question.begin();
    run(3500);
    question.answered();
    run(7000);
    expect(w.accused).toEqual([]);
    question.end();
    const { asked } = w;
    run(10_000);
    expect(w.asked).toBe(asked);
    expect(w.due).toBe(-1);
  });

  test('a pause of our own process is one look', () => {
    const { w, question, run } = world();
    question.begin();
    run(10);
    w.now = 5000;
    question.timer();
    expect(w.asked).toBe(1);
    expect(w.accused).toEqual([]);
  });
});

// The machine of paths: sizes found and given up, the group, and verdicts on who was refused (README.md, "Paths").
import { describe, expect, test } from '@jest/globals';
import { Paths, type PathsOptions, RUNGS } from '../machine.js';
import { SMALL_BYTES } from '../wire.js';

/** Answers what `carries` says, and keeps the rest. */
class World {
  readonly downs: { place: number; kind: string; detail: string }[] = [];
  asks: { to: number | 'group'; bytes: number }[] = [];
  readonly timers = new Set<'look' | 'doubt'>();
  readonly paths: Paths;
  /** Does a datagram of that size get to and fro? */
  carries: (place: number, bytes: number) => boolean = () => true;
  group: readonly number[] = [];
  readonly #inFlight: (() => void)[] = [];

  constructor(options: Partial<PathsOptions> = {}) {
    this.paths = new Paths(
      { datagramBytes: 0, multicast: false, ...options },
      {
        ask: (to, number, bytes) => {
          this.asks.push({ to, bytes });
          const places = to === 'group' ? this.group : this.carries(to, bytes) ? [to] : [];
          for (const p of places) this.#inFlight.push(() => this.paths.answered(p, number, to === 'group'));
        },
        setTimer: (key) => void this.timers.add(key),
        down: (place, { kind, detail }) => void this.downs.push({ place, kind, detail }),
      },
    );
  }

  /** Answers arrive until no more are on their way. */
  settle(): void {
    for (let next = this.#inFlight.shift(); next !== undefined; next = this.#inFlight.shift()) next();
  }

  fire(key: 'look' | 'doubt'): void {
    if (!this.timers.delete(key)) throw new Error(`no timer ${key}`);
    this.paths.timer(key);
    this.settle();
  }

  /** Looks while data flows. */
  flow(looks: number): void {
    for (let i = 0; i < looks; i++) {
      this.paths.flows();
      this.fire('look');
    }
  }

  hear(...places: number[]): void {
    for (const p of places) this.paths.heard(p);
    this.settle();
  }

  /** Looks until no timer is set. */
  rest(): void {
    for (let i = 0; this.timers.has('look'); i++) {
      if (i > 100) throw new Error('it never rests');
      this.fire('look');
    }
  }
}

const [SMALLEST, JUMBO, , LARGEST] = RUNGS as [number, number, number, number];

describe('size', () => {
  test('climbs to the largest that is answered; the least path counts', () => {
    const w = new World();
    expect(w.paths.fitBytes).toBe(LARGEST);
    w.hear(1);
    expect(w.paths.fitBytes).toBe(LARGEST);
    w.carries = (place, bytes) => place !== 2 || bytes <= JUMBO;
    w.hear(2);
    expect(w.paths.fitBytes).toBe(JUMBO);
    w.paths.forget(2);
    expect(w.paths.fitBytes).toBe(LARGEST);
    w.rest();
  });
  test('nothing but the smallest counts before an answer; three asks, then rest', () => {
    const w = new World();
    w.carries = () => false;
    w.hear(1);
    expect(w.paths.fitBytes).toBe(SMALLEST);
    w.rest();
    expect(w.asks).toEqual([1, 2, 3].map(() => ({ to: 1, bytes: JUMBO })));
    expect(w.timers.size).toBe(0);
  });
  test('a size that was refused is tried again after a while of flow', () => {
    const w = new World();
    w.carries = (_, bytes) => bytes <= SMALLEST;
    w.hear(1);
    w.rest();
    w.carries = () => true;
    w.flow(590);
    expect(w.paths.fitBytes).toBe(SMALLEST);
    w.flow(20);
    expect(w.paths.fitBytes).toBe(LARGEST);
  });
  test('goes down when large datagrams get lost and small ones do not', () => {
    const w = new World();
    w.hear(1, 2);
    w.carries = (place, bytes) => place === 2 || bytes <= JUMBO;
    w.flow(100);
    expect(w.paths.fitBytes).toBe(JUMBO);
    expect(w.paths.describe(1)).toContain(`${JUMBO} bytes`);
    expect(w.paths.describe(2)).toContain(`${LARGEST} bytes`);
  });
  test('stays when everything gets lost alike, or now and then', () => {
    const w = new World();
    w.hear(1);
    w.carries = () => false;
    w.flow(100);
    let n = 0;
    w.carries = (_, bytes) => bytes === SMALL_BYTES || ++n % 10 !== 0;
    w.flow(400);
    expect(w.paths.fitBytes).toBe(LARGEST);
  });
  test('a fixed size is never asked about', () => {
    const w = new World({ datagramBytes: 1472 });
    w.hear(1);
    w.flow(50);
    expect(w.paths.fitBytes).toBe(1472);
    expect(w.asks).toEqual([]);
  });
  test('without data there is no timer', () => {
    const w = new World();
    w.hear(1, 2, 3);
    w.flow(10);
    w.rest();
    expect(w.timers.size).toBe(0);
  });
});

describe('group', () => {
  test('reaches whom it reaches, and no longer after three asks in vain', () => {
    const w = new World({ multicast: true });
    w.group = [1];
    w.hear(1, 2);
    expect([1, 2].map((p) => w.paths.inGroup(p))).toEqual([true, false]);
    w.group = [2];
    w.flow(6);
    expect([1, 2].map((p) => w.paths.inGroup(p))).toEqual([true, true]);
    w.flow(6);
    expect([1, 2].map((p) => w.paths.inGroup(p))).toEqual([false, true]);
  });
  test('an answer to an ask of long ago, or to none, proves nothing', () => {
    const w = new World({ multicast: true });
    w.hear(1);
    w.paths.answered(1, 999, true);
    expect(w.paths.inGroup(1)).toBe(false);
    w.paths.answered(7, 1, true);
    expect(w.paths.inGroup(7)).toBe(false);
  });
});

describe('refused', () => {
  test('and no answer to four asks: down, once', () => {
    const w = new World();
    w.hear(1);
    w.carries = () => false;
    w.asks = [];
    w.paths.refused(1, 'refused', 'ECONNREFUSED');
    w.paths.refused(1, 'refused', 'ECONNREFUSED');
    for (let i = 0; i < 4; i++) w.fire('doubt');
    expect(w.downs).toEqual([]);
    w.fire('doubt');
    expect(w.downs).toMatchObject([{ place: 1, kind: 'refused' }]);
    expect(w.asks.length).toBe(4);
    w.paths.refused(1, 'refused', 'ECONNREFUSED');
    expect(w.timers.has('doubt')).toBe(false);
    expect(w.paths.isHeard(1)).toBe(false);
    expect(w.paths.describe(1)).toBe('gone');
  });
  test('but answering: nothing happens', () => {
    const w = new World();
    w.hear(1);
    w.paths.refused(1, 'unanswered', 'EHOSTUNREACH');
    w.settle();
    w.fire('doubt');
    expect(w.downs).toEqual([]);
    expect(w.timers.has('doubt')).toBe(false);
  });
  test('an answer to an earlier ask proves nothing', () => {
    const w = new World();
    w.carries = () => false;
    w.hear(1);
    w.paths.refused(1, 'refused', 'ECONNREFUSED');
    w.paths.answered(1, 1, false);
    for (let i = 0; i < 5; i++) w.fire('doubt');
    expect(w.downs.length).toBe(1);
  });
  test('somebody never heard is told too, once until it is heard', () => {
    const w = new World();
    w.carries = () => false;
    for (let round = 1; round <= 2; round++) {
      w.paths.refused(4, 'refused', 'ECONNREFUSED');
      for (let i = 0; i < 5; i++) w.fire('doubt');
      expect(w.downs.length).toBe(round);
      w.hear(4);
    }
  });
});

// The virtual clock and both flavours of the virtual network do what test/sim/README.md says of them.
import { beforeEach, describe, expect, test } from '@jest/globals';
import { Clock, Phase } from '../../../sim/clock.js';
import { DatagramNetwork } from '../../../sim/datagram.js';
import { Faults, GOOD_PATH } from '../../../sim/faults.js';
import type { Network, NetworkNode } from '../../../sim/network.js';
import { Random } from '../../../sim/random.js';
import { StreamNetwork } from '../../../sim/stream.js';

/** Writes down what happens to it. */
class Probe implements NetworkNode {
  readonly got: string[] = [];
  begin(): void {
    return;
  }
  received(from: number, plane: string, bytes: Uint8Array): void {
    this.got.push(`${from} ${plane} ${[...bytes].join(',')}`);
  }
  writable(to: number | 'all'): void {
    this.got.push(`writable ${to}`);
  }
  up(peer: number): void {
    this.got.push(`up ${peer}`);
  }
  down(peer: number, why: { kind: string }): void {
    this.got.push(`down ${peer} ${why.kind}`);
  }
  end(): void {
    return;
  }
}

const bytes = (...b: number[]): Uint8Array => new Uint8Array(b);

let clock: Clock;
let faults: Faults;
let network: Network;
let probes: Probe[];

function make(flavour: 'stream' | 'datagram', bufferBytes = 1000): void {
  clock = new Clock();
  faults = new Faults(3, new Random(7, 'faults'));
  const o = { clock, faults, random: new Random(7, 'network'), maxBytes: 500, bufferBytes };
  network = flavour === 'stream' ? new StreamNetwork(o) : new DatagramNetwork(o);
  probes = [0, 1, 2].map(() => new Probe());
  probes.forEach((p, place) => network.boot(place, p));
  for (const place of [0, 1, 2])
    network.reach(
      place,
      [0, 1, 2].filter((p) => p !== place),
    );
}

function run(ms: number): void {
  clock.runUntil(clock.now + ms);
}

/** What a probe got since it was last asked. */
function since(place: number): string[] {
  return probes[place]!.got.splice(0);
}

function restart(place: number, ...reach: number[]): void {
  probes[place] = new Probe();
  network.boot(place, probes[place]);
  network.reach(place, reach);
}

describe('clock', () => {
  test('orders by time, phase and call, and forgets what was cancelled', () => {
    const c = new Clock();
    const seen: string[] = [];
    const at = (t: number, phase: 0 | 1 | 2 | 3, what: string) => c.schedule(t, phase, () => seen.push(what));
    at(5, Phase.late, 'late');
    at(5, Phase.timer, 'timer');
    at(5, Phase.read, 'read 1');
    at(5, Phase.read, 'read 2');
    c.cancel(at(4, Phase.read, 'cancelled'));
    at(3, Phase.harness, 'first');
    at(6, Phase.read, 'too late');
    c.runUntil(5);
    expect(seen).toEqual(['first', 'read 1', 'read 2', 'timer', 'late']);
    expect(c.now).toBe(5);
  });
});

describe('random', () => {
  test('streams depend on seed and label only', () => {
    const draw = (r: Random) => [r.next(), r.below(10), r.heavy(5, 100)];
    expect(draw(new Random(1, 'a'))).toEqual(draw(new Random(1, 'a')));
    expect(draw(new Random(1, 'a'))).not.toEqual(draw(new Random(1, 'b')));
    const r = new Random(1, 'a');
    const fork = r.fork('b');
    r.next();
    expect(draw(fork)).toEqual(draw(new Random(1, 'b')));
  });
  test('draws stay in their bounds', () => {
    const r = new Random(3, 'bounds');
    for (let i = 0; i < 1000; i++) {
      expect(r.between(3, 9)).toBeGreaterThanOrEqual(3);
      expect(r.between(3, 9)).toBeLessThanOrEqual(9);
      expect(r.heavy(10, 40)).toBeLessThanOrEqual(40);
    }
    expect(r.shuffled([1, 2, 3, 4]).sort()).toEqual([1, 2, 3, 4]);
  });
});

describe('stream network', () => {
  beforeEach(() => {
    make('stream');
    run(50);
    for (const place of [0, 1, 2])
      expect(since(place).sort()).toEqual([0, 1, 2].filter((p) => p !== place).map((p) => `up ${p}`));
  });

  test('keeps the order of a lane, joins head and body', () => {
    for (let i = 0; i < 20; i++) network.send(0, 1, 'data', bytes(i), bytes(i, i));
    run(50);
    expect(since(1)).toEqual(Array.from({ length: 20 }, (_, i) => `0 data ${i},${i},${i}`));
    expect(since(2)).toEqual([]);
  });

  test('loss is delay, never a hole', () => {
    faults.setPath(0, 1, { ...GOOD_PATH, loss: 300 });
    for (let i = 0; i < 50; i++) network.send(0, 1, 'data', bytes(i));
    run(20_000);
    expect(since(1)).toEqual(Array.from({ length: 50 }, (_, i) => `0 data ${i}`));
  });

  test('a killed process: lost at once, then refused; a new life is up again', () => {
    network.kill(1);
    run(20);
    expect(since(0)).toEqual(['down 1 lost', 'down 1 refused']);
    run(2000);
    expect(since(0)).toEqual([]);
    restart(1, 0, 2);
    run(1000);
    expect(since(0)).toEqual(['up 1']);
    expect(since(1).sort()).toEqual(['up 0', 'up 2']);
  });

  test('a cut stalls silently, and goes on where it was', () => {
    faults.cut(0, 1);
    network.send(0, 1, 'control', bytes(1));
    run(5000);
    expect([...since(0), ...since(1)]).toEqual([]);
    faults.mend(0, 1);
    run(500);
    expect(since(1)).toEqual(['0 control 1']);
  });

  test('a cut that lasts breaks the connection, and dials stay unanswered', () => {
    faults.cut(0, 1);
    network.send(0, 1, 'data', bytes(1));
    run(60_000);
    expect(since(0)).toEqual(['down 1 lost', 'down 1 unanswered']);
    faults.mend(0, 1);
    run(2000);
    expect(since(0)).toEqual(['up 1']);
    expect(since(1)).toEqual(['down 0 lost', 'up 0']);
  });

  test('a broken connection: both sides hear of it and are up again', () => {
    network.reset(0, 1);
    run(1000);
    for (const [a, b] of [
      [0, 1],
      [1, 0],
    ] as const)
      expect(since(a)).toEqual([`down ${b} lost`, `up ${b}`]);
  });

  test('sever: the other side is told, and both start afresh', () => {
    network.sever(0, 1);
    network.send(0, 1, 'data', bytes(1));
    run(2000);
    expect(since(0)).toEqual(['up 1']);
    expect(since(1)).toEqual(['down 0 lost', 'up 0']);
  });

  test('who is not reached any more is dropped', () => {
    network.reach(0, [2]);
    network.reach(1, [2]);
    run(2000);
    expect(network.send(0, 1, 'data', bytes(1))).toBe(true);
    run(100);
    expect(since(1).filter((x) => x.startsWith('0'))).toEqual([]);
  });

  test('a paused reader: its buffer fills, then the writer waits until it reads', () => {
    network.pause(1);
    let taken = 0;
    while (network.send(0, 1, 'data', new Uint8Array(100))) taken++;
    expect(taken).toBe(10);
    expect(network.send(0, 'all', 'data', new Uint8Array(100))).toBe(false);
    expect(network.send(0, 1, 'control', bytes(9))).toBe(true);
    run(100);
    expect(since(1)).toEqual([]);
    network.resume(1);
    run(50);
    expect(since(1)).toHaveLength(11);
    expect(since(0)).toEqual(['writable 1', 'writable all']);
  });

  test('a full buffer by chance answers false once and then writable', () => {
    faults.setPath(0, 1, { ...GOOD_PATH, full: 1000 });
    expect(network.send(0, 1, 'data', bytes(1))).toBe(false);
    run(50);
    expect(since(0)).toEqual(['writable 1']);
    expect(since(1)).toEqual([]);
  });

  test('too large a send is a fault of the caller', () => {
    expect(() => network.send(0, 1, 'data', new Uint8Array(501))).toThrow('more than 500 bytes');
  });
});

describe('datagram network', () => {
  beforeEach(() => make('datagram'));

  test('up comes with the first bytes heard, once', () => {
    network.send(0, 'all', 'control', bytes(1));
    network.send(0, 1, 'data', bytes(2));
    run(50);
    expect(since(1).sort()).toEqual(['0 control 1', '0 data 2', 'up 0']);
    expect(since(2)).toEqual(['up 0', '0 control 1']);
  });

  test('loses, doubles and reorders each on its own', () => {
    faults.setPath(0, 1, { ...GOOD_PATH, loss: 200, duplicate: 200, reorder: 300 });
    for (let i = 0; i < 200; i++) network.send(0, 1, 'data', bytes(i));
    run(200);
    const got = since(1)
      .filter((x) => x !== 'up 0')
      .map((x) => Number(x.split(' ')[2]));
    expect(new Set(got).size).toBeGreaterThan(100);
    expect(new Set(got).size).toBeLessThan(200);
    expect(got.length).toBeGreaterThan(new Set(got).size);
    expect(got).not.toEqual([...got].sort((a, b) => a - b));
  });

  test('a cut is one-way and silent; a dead process too', () => {
    faults.cut(0, 1);
    network.send(0, 1, 'data', bytes(1));
    network.send(1, 0, 'data', bytes(2));
    network.kill(2);
    network.send(0, 2, 'data', bytes(3));
    run(1000);
    expect(since(0)).toEqual(['up 1', '1 data 2']);
    expect(since(1)).toEqual([]);
    expect(since(2)).toEqual([]);
  });

  test('a paused process loses what its buffer does not hold', () => {
    network.pause(1);
    for (let i = 0; i < 20; i++) network.send(0, 1, 'data', new Uint8Array(100));
    run(50);
    expect(since(1)).toEqual([]);
    network.resume(1);
    expect(since(1)).toHaveLength(11);
  });
});

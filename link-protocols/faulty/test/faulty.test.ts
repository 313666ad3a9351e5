// The faulty medium: without faults and with harmless ones it passes the medium suite; each fault does what README.md says.
import { describe, expect, test } from '@jest/globals';
import { mediumCompliance } from '../../../test/compliance/medium.js';
import { MemoryMedium } from '../../memory/medium.js';
import { FaultyMedium } from '../medium.js';
import type { Rule } from '../rule.js';
import { NO_FAULTS, ruleText } from '../rule.js';
import { LIST, ManualPorts, StubMedium, Told } from './stub.js';

const systemPorts = {
  clock: { nowMs: () => Math.floor(performance.now()), wallMs: () => Date.now() },
  timers: {
    set: (ms: number, fn: () => void) => setTimeout(fn, ms),
    cancel: (timer: object) => clearTimeout(timer as NodeJS.Timeout),
  },
};

let hubs = 0;
for (const [name, rule] of [
  ['faulty without a fault', NO_FAULTS],
  ['faulty with delays', { ...NO_FAULTS, delayMs: 1, jitterMs: 3 }],
] as const)
  mediumCompliance(
    { describe, test, expect },
    {
      name,
      losesLastWords: rule.delayMs > 0,
      addresses: (count) => {
        hubs++;
        return Promise.resolve(
          Array.from({ length: count }, (_, place) => ({ name: `d${place}`, host: '127.0.0.1', port: 4800, place })),
        );
      },
      create: (list, { smallQueues }) => {
        const queueBytes = smallQueues ? 128 * 1024 : 2 * 1024 * 1024;
        const inner = new MemoryMedium({ hub: `faulty ${hubs}`, maxMessageBytes: 64 * 1024, queueBytes });
        return new FaultyMedium(inner, rule, 9, list, systemPorts);
      },
    },
  );

async function bench(stream: boolean, rule: Partial<Rule> = {}) {
  const inner = new StubMedium(stream);
  const told = new Told();
  const ports = new ManualPorts();
  const medium = new FaultyMedium(inner, { ...NO_FAULTS, ...rule }, 5, LIST, ports);
  await medium.open({ address: LIST[0]!, incarnation: 1n, listHash: 1 }, told);
  medium.peers(LIST.slice(1));
  return { inner, told, ports, medium, below: inner.up! };
}

const numbers = (lines: readonly string[]): number[] => lines.map((l) => Number(l.split(' ')[2]));

describe('faults on datagrams', () => {
  test('loss: about as many as asked for, and the same ones for the same seed', async () => {
    const runs: number[][] = [];
    for (let run = 0; run < 2; run++) {
      const { told, below } = await bench(false, { lossPercent: 30 });
      for (let i = 0; i < 200; i++) below.received(1, 'data', Uint8Array.of(i));
      runs.push(numbers(told.take()));
    }
    expect(runs[0]).toEqual(runs[1]);
    expect(runs[0]!.length).toBeGreaterThan(110);
    expect(runs[0]!.length).toBeLessThan(170);
  });

  test('doubling and reordering', async () => {
    const { told, ports, below } = await bench(false, { doublePercent: 20, reorderPercent: 20 });
    for (let i = 0; i < 100; i++) below.received(1, 'data', Uint8Array.of(i));
    ports.run(100);
    const heard = numbers(told.take());
    expect(heard.length).toBeGreaterThan(100);
    expect(new Set(heard).size).toBe(100);
    expect(heard).not.toEqual([...heard].sort((a, b) => a - b));
    expect(ports.pending).toBe(0);
  });

  test('a delay concerns those who are named', async () => {
    const { told, ports, below } = await bench(false, { delayMs: 50, only: ['beta'] });
    below.received(1, 'data', Uint8Array.of(1));
    below.received(2, 'data', Uint8Array.of(2));
    expect(told.take()).toEqual(['2 data 2']);
    ports.run(50);
    expect(told.take()).toEqual(['1 data 1']);
  });

  test('cuts: one direction each', async () => {
    const { medium, told, inner, below } = await bench(false, { cutTo: ['beta'], cutFrom: ['gamma'] });
    below.received(1, 'data', Uint8Array.of(1));
    below.received(2, 'data', Uint8Array.of(2));
    expect(told.take()).toEqual(['1 data 1']);
    expect(medium.send('all', 'data', Uint8Array.of(3))).toBe(true);
    expect(inner.sent).toEqual(['2 data 3']);
  });
});

describe('faults on a stream medium', () => {
  test('loss is delay, and order is kept', async () => {
    const { told, ports, below } = await bench(true, { lossPercent: 20, doublePercent: 50, reorderPercent: 50 });
    below.up(1);
    for (let i = 0; i < 50; i++) below.received(1, 'data', Uint8Array.of(i));
    ports.run(60_000);
    const heard = told.take();
    expect(heard.shift()).toBe('up 1');
    expect(numbers(heard)).toEqual(Array.from({ length: 50 }, (_, i) => i));
  });

  test('a clock that moves between two looks leaves nothing behind', async () => {
    const { told, ports, below } = await bench(true, { delayMs: 3, jitterMs: 2 });
    below.up(1);
    ports.lookMs = 0.25;
    for (let i = 0; i < 100; i++) {
      below.received(1, 'data', Uint8Array.of(i));
      ports.run(1);
    }
    ports.run(100);
    expect(told.take().length).toBe(101);
  });

  test('a cut from a peer holds, and passes when it ends', async () => {
    const { medium, told, ports, below } = await bench(true);
    below.up(1);
    medium.faults.set({ cutFrom: ['beta'] });
    below.received(1, 'control', Uint8Array.of(1));
    below.received(1, 'control', Uint8Array.of(2));
    ports.run(1000);
    expect(told.take()).toEqual(['up 1']);
    medium.faults.clear();
    ports.run(1);
    expect(told.take()).toEqual(['1 control 1', '1 control 2']);
  });

  test('a break during a cut is told when it ends, and what was held is gone', async () => {
    const { medium, told, ports, below } = await bench(true);
    below.up(1);
    medium.faults.set({ cutFrom: ['beta'] });
    below.received(1, 'data', Uint8Array.of(1));
    below.down(1, { kind: 'refused', detail: 'dead' });
    below.up(1);
    below.received(1, 'data', Uint8Array.of(2));
    expect(medium.send(1, 'data', Uint8Array.of(3))).toBe(true);
    ports.run(1000);
    expect(told.take()).toEqual(['up 1']);
    medium.faults.clear();
    ports.run(1);
    expect(told.take()).toEqual(['down 1 refused', 'up 1', '1 data 2']);
  });

  test('a pair does not come up during a cut', async () => {
    const { medium, told, ports, below } = await bench(true, { cutTo: ['beta'] });
    below.up(1);
    ports.run(10);
    expect(told.take()).toEqual([]);
    medium.faults.clear();
    ports.run(1);
    expect(told.take()).toEqual(['up 1']);
  });

  test('a cut to a peer holds, then refuses, then says when there is room', async () => {
    const { medium, told, inner, ports, below } = await bench(true);
    below.up(1);
    below.up(2);
    medium.faults.set({ cutTo: ['beta'] });
    const big = new Uint8Array(1024 * 1024);
    let taken = 0;
    while (medium.send(1, 'data', big)) taken++;
    expect(taken).toBe(4);
    expect(medium.send('all', 'control', Uint8Array.of(7))).toBe(true);
    expect(inner.sent).toEqual(['2 control 7']);
    told.take();
    medium.faults.clear();
    ports.run(1);
    expect(inner.sent.filter((s) => s.startsWith('1 ')).length).toBe(5);
    expect(told.take()).toEqual(['writable 1']);
  });

  test('what a cut to a peer held leaves when it ends, without a tick of the user', async () => {
    const { medium, ports, inner, below } = await bench(true, {});
    below.up(1);
    medium.faults.set({ cutTo: ['beta'] });
    medium.send(1, 'data', Uint8Array.of(1));
    medium.faults.clear();
    ports.run(100);
    expect(inner.sent).toEqual(['1 data 1']);
    expect(inner.unflushed).toBe(0);
  });

  test('too much held breaks the pair', async () => {
    const { told, inner, below } = await bench(true, { delayMs: 1000 });
    below.up(1);
    for (let i = 0; i < 5; i++) below.received(1, 'data', new Uint8Array(1024 * 1024));
    expect(inner.severed).toEqual([1]);
    expect(told.take()).toEqual(['up 1', 'down 1 lost']);
  });

  test('sever drops what is held and tells nothing', async () => {
    const { medium, told, ports, below } = await bench(true, { delayMs: 10 });
    below.up(1);
    below.received(1, 'data', Uint8Array.of(1));
    medium.sever(1);
    ports.run(100);
    expect(told.take()).toEqual(['up 1']);
  });
});

test('a rule describes itself, and unknown names change nothing', async () => {
  const { medium } = await bench(true, { lossPercent: 5, delayMs: 10, only: ['beta'] });
  expect(medium.faults.describe()).toBe('loss 5 %, delay 10 to 10 ms, only beta');
  expect(() => medium.faults.set({ cutTo: ['nobody'] })).toThrow('nobody');
  medium.tune({ cutTo: ['beta', 'gamma'], lossPercent: 0 });
  expect(medium.faults.describe()).toBe('delay 10 to 10 ms, cut to beta gamma, only beta');
  medium.faults.clear();
  expect(ruleText(NO_FAULTS)).toBe(medium.faults.describe());
  expect(medium.describe()).toMatchObject({ stub: true, faults: 'none', faults_seed: 5 });
  await medium.close();
});

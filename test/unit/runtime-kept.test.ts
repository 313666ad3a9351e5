// What output queues keep of the slabs that slices lie in: bounded for each queue, and for all of them together.
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { ALL_BESIDE_BYTES, Kept } from '../../core/plugin/outbound/kept.js';

const SLAB_BYTES = 1024 * 1024;
const SLICE_BYTES = 5000;
const QUEUES = 200;
const SLICES = 9;

let queues: Kept[];

beforeEach(() => {
  queues = Array.from({ length: QUEUES }, () => new Kept());
});

afterEach(() => {
  for (const q of queues) q.clear();
});

const slice = (): Uint8Array => new Uint8Array(new ArrayBuffer(SLAB_BYTES), 100, SLICE_BYTES);
const sum = (of: (q: Kept) => number): number => queues.reduce((n, q) => n + of(q), 0);

test('many queues with little each do not keep a few slabs each', () => {
  for (let i = 0; i < SLICES; i++) for (const q of queues) q.add([slice()], SLICE_BYTES);
  expect(sum((q) => q.waiting)).toBe(QUEUES * SLICES * SLICE_BYTES);
  expect(sum((q) => q.bytes)).toBeGreaterThan(ALL_BESIDE_BYTES / 2);
  expect(sum((q) => q.bytes)).toBeLessThanOrEqual(ALL_BESIDE_BYTES + 2 * sum((q) => q.waiting));
});

test('a queue that is done with its slabs leaves them to others', () => {
  const kept = queues.map((q) => [q, q.add([slice()], SLICE_BYTES)] as const);
  const isCopy = (slices: readonly Uint8Array[]): boolean => slices[0]!.buffer.byteLength < SLAB_BYTES;
  expect(isCopy(kept[0]![1])).toBe(false);
  expect(isCopy(kept.at(-1)![1])).toBe(true);
  const [first, mine] = kept[0]!;
  first.remove(mine, SLICE_BYTES);
  queues[1]!.clear();
  expect(isCopy(first.add([slice()], SLICE_BYTES))).toBe(false);
  expect(isCopy(queues.at(-1)!.add([slice()], SLICE_BYTES))).toBe(false);
  expect(isCopy(queues.at(-2)!.add([slice()], SLICE_BYTES))).toBe(true);
});

test('a slice of a slab that is kept anyway is never copied', () => {
  const [lone] = queues;
  const slab = new Uint8Array(SLAB_BYTES);
  const first = slab.subarray(0, SLICE_BYTES);
  expect(lone!.add([first], SLICE_BYTES)).toEqual([first]);
  for (const q of queues.slice(1)) q.add([slice()], SLICE_BYTES);
  const second = slab.subarray(SLICE_BYTES, 2 * SLICE_BYTES);
  expect(lone!.add([second], SLICE_BYTES)[0]!.buffer).toBe(slab.buffer);
});

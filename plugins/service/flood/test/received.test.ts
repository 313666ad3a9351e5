// The received log: low-water mark, ranges, what is given up at a purge, lives that are forgotten, what peers are ahead with
// (docs/design/flood.md, section 7).
import { describe, expect, test } from '@jest/globals';
import { type OriginRecord, ReceivedLog } from '../machine/received.js';
import type { Ranges } from '../machine/ranges.js';
import { RANGES_MAX } from '../machine/limits.js';

const PERIOD_MS = 1000;

function newLog(): { log: ReceivedLog; abandoned: [string, Ranges][]; touched: OriginRecord[] } {
  const abandoned: [string, Ranges][] = [];
  const touched: OriginRecord[] = [];
  const log = new ReceivedLog(
    (r, ranges) => abandoned.push([r.origin, ranges]),
    (r) => touched.push(r),
  );
  return { log, abandoned, touched };
}

const add = (log: ReceivedLog, sequence: number, since = sequence - 1, nowMs = 0): void =>
  log.add('o', 1, sequence, since, nowMs);

describe('what was seen', () => {
  test('the mark rises over what has no gap, and over numbers that were for others', () => {
    const { log } = newLog();
    for (const n of [1, 2, 4]) add(log, n);
    expect(log.have()).toEqual([{ origin: 'o', incarnation: 1, lowWater: 2, ranges: [[4, 4]] }]);
    add(log, 9, 4);
    expect(log.missing()).toEqual([{ origin: 'o', incarnation: 1, first: 3, last: 3, reason: 'gap' }]);
    add(log, 3);
    expect(log.have()[0]).toMatchObject({ lowWater: 9, ranges: [] });
    expect([log.seen('o', 1, 9), log.seen('o', 1, 10), log.seen('o', 2, 1)]).toEqual([true, false, false]);
  });

  test('beyond so many ranges the oldest gap is given up', () => {
    const { log, abandoned } = newLog();
    for (let i = 1; i <= RANGES_MAX + 1; i++) add(log, 2 * i);
    expect(abandoned).toEqual([['o', [[1, 1]]]]);
    expect(log.have()[0]).toMatchObject({ lowWater: 2 });
    expect(log.seen('o', 1, 1)).toBe(true);
  });
});

describe('a purge', () => {
  const current = (): number => 1;

  test('gives up gaps that are older than a period, no others', () => {
    const { log, abandoned } = newLog();
    add(log, 1);
    add(log, 3);
    log.purge(PERIOD_MS, PERIOD_MS, current);
    expect(abandoned).toEqual([]);
    add(log, 6, 5, PERIOD_MS);
    log.purge(2 * PERIOD_MS, PERIOD_MS, current);
    expect(abandoned).toEqual([['o', [[2, 2]]]]);
    expect(log.seen('o', 1, 2)).toBe(true);
    expect(log.missing().map((m) => [m.first, m.last, m.reason])).toEqual([
      [2, 2, 'abandoned'],
      [4, 5, 'gap'],
    ]);
  });

  test('drops lives that are over and unused; what comes of them later is no news', () => {
    const { log } = newLog();
    add(log, 1);
    log.add('o', 2, 1, 0, 500);
    log.purge(PERIOD_MS, PERIOD_MS, () => 2);
    expect(log.get('o', 1)).toBeUndefined();
    expect(log.get('o', 2)).toBeDefined();
    expect([log.seen('o', 1, 7), log.seen('o', 2, 7)]).toEqual([true, false]);
    log.heard('p', { origin: 'o', incarnation: 1, lowWater: 9, ranges: [] }, PERIOD_MS);
    expect(log.get('o', 1)).toBeUndefined();
  });

  test('drops origins that are no known site one period later, and in the end their memory', () => {
    const { log } = newLog();
    add(log, 1);
    log.purge(PERIOD_MS, PERIOD_MS, () => undefined);
    expect(log.get('o', 1)).toBeDefined();
    log.purge(2 * PERIOD_MS, PERIOD_MS, () => undefined);
    expect([log.get('o', 1), log.seen('o', 1, 1)]).toEqual([undefined, false]);
  });
});

describe('what peers have', () => {
  const have = (lowWater: number): { origin: string; incarnation: number; lowWater: number; ranges: [] } => ({
    origin: 'o',
    incarnation: 1,
    lowWater,
    ranges: [],
  });

  test('is missing only when it stays away, and once told is not told again', () => {
    const { log } = newLog();
    add(log, 1);
    log.heard('p', have(5), 0);
    expect(log.confirm(PERIOD_MS - 1, PERIOD_MS)).toEqual([]);
    expect(log.missing()).toEqual([]);
    expect(log.confirm(PERIOD_MS, PERIOD_MS).map((r) => r.aheadPeer)).toEqual(['p']);
    expect(log.missing()).toEqual([{ origin: 'o', incarnation: 1, first: 2, last: 5, reason: 'ahead' }]);
    expect(log.confirm(2 * PERIOD_MS, PERIOD_MS)).toEqual([]);
    for (const n of [2, 3, 4, 5]) add(log, n);
    expect(log.missing()).toEqual([]);
  });

  test('that arrives in time is never missing', () => {
    const { log } = newLog();
    log.heard('p', have(2), 0);
    add(log, 1);
    add(log, 2);
    expect(log.confirm(PERIOD_MS, PERIOD_MS)).toEqual([]);
  });
});

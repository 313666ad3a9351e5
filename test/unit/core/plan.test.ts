// Reports and plans: docs/design/recovery.md, sections 2 to 4.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  decodePlan,
  decodeReport,
  encodePlan,
  encodeReport,
  makePlan,
  type Range,
  type Report,
} from '../../../core/machine/recovery/plan.js';

const id = { number: 7, time: 100 };
const report = (rank: number, ranges: Range[], stable = 0, promised: number[] = []): Report => ({
  maxPackBytes: 1000 + rank,
  highestTime: 100,
  old: { id, rank, stable, promised, ranges },
});

describe('plan', () => {
  test('nobody lacks anything: no segments', () => {
    const plan = makePlan(
      new Map([
        [0, report(0, [{ from: 1, to: 9 }], 4)],
        [2, report(2, [{ from: 1, to: 9 }], 6)],
      ]),
    );
    expect(plan).toEqual({
      maxPackBytes: 1000,
      olds: [{ id, together: [0, 2], stable: 6, promised: [0, 2], segments: [] }],
    });
  });

  test('a gap for every turn of two seconds is reported and planned', () => {
    const many = Array.from({ length: 20_000 }, (_, i) => ({ from: 2 * i + 1, to: 2 * i + 1 }));
    const back = decodeReport(encodeReport(report(1, many)))!;
    expect(back.old?.ranges).toEqual(many);
    const plan = makePlan(
      new Map([
        [0, report(0, [{ from: 1, to: 1 }])],
        [1, back],
      ]),
    );
    expect(plan.olds[0]!.segments.length).toBe(many.length - 1);
    expect(decodePlan(encodePlan(plan))).toEqual(plan);
  });

  test('what one holds beyond a gap is repaired from it', () => {
    const plan = makePlan(
      new Map([
        [0, report(0, [{ from: 1, to: 5 }])],
        [
          1,
          report(1, [
            { from: 1, to: 3 },
            { from: 7, to: 9 },
          ]),
        ],
      ]),
    );
    expect(plan.olds[0]!.segments).toEqual([
      { from: 4, to: 5, holder: 0 },
      { from: 7, to: 9, holder: 1 },
    ]);
  });

  test('promises of reporters are inherited', () => {
    const plan = makePlan(new Map([[1, report(1, [], 0, [0, 1, 2])]]));
    expect(plan.olds[0]!.promised).toEqual([0, 1, 2]);
  });

  test('two old configurations are planned apart', () => {
    const other: Report = {
      maxPackBytes: 5000,
      highestTime: 9,
      old: { ...report(0, [{ from: 1, to: 2 }]).old!, id: { number: 8, time: 90 } },
    };
    const fresh: Report = { maxPackBytes: 6000, highestTime: 0, old: undefined };
    const plan = makePlan(
      new Map([
        [0, other],
        [1, report(1, [{ from: 1, to: 2 }])],
        [2, fresh],
      ]),
    );
    expect(plan.olds.map((o) => o.together)).toEqual([[0], [1]]);
  });

  test('segments cover the union of what is held, once, each from one that holds it', () => {
    const ranges = fc.uniqueArray(fc.integer({ min: 1, max: 40 })).map((ps) => {
      const out: { from: number; to: number }[] = [];
      for (const p of ps.sort((a, b) => a - b)) {
        const last = out.at(-1);
        if (last?.to === p - 1) last.to = p;
        else out.push({ from: p, to: p });
      }
      return out;
    });
    fc.assert(
      fc.property(fc.array(ranges, { minLength: 2, maxLength: 5 }), (held) => {
        const plan = makePlan(new Map(held.map((r, i) => [i, report(i, r)])));
        const has = (i: number, p: number): boolean => held[i]!.some((r) => p >= r.from && p <= r.to);
        const base = Math.min(...held.map((r) => (r[0]?.from === 1 ? r[0].to : 0)));
        let last = base;
        const covered = new Set<number>();
        for (const s of plan.olds[0]!.segments) {
          expect(s.from).toBeGreaterThan(last);
          last = s.to;
          for (let p = s.from; p <= s.to; p++) {
            expect(has(s.holder, p)).toBe(true);
            covered.add(p);
          }
        }
        for (let p = base + 1; p <= 40; p++) expect(covered.has(p)).toBe(held.some((_, i) => has(i, p)));
        expect(decodePlan(encodePlan(plan))).toEqual(plan);
        for (const [i, r] of held.entries()) expect(decodeReport(encodeReport(report(i, r)))).toEqual(report(i, r));
      }),
    );
  });

  test('bytes that are no report or plan are refused, not thrown at', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (b) => {
        decodeReport(b);
        decodePlan(b);
      }),
    );
    const cut = encodeReport(report(0, [{ from: 1, to: 5 }]));
    for (let n = 0; n < cut.length; n++) expect(decodeReport(cut.subarray(0, n))).toBeUndefined();
  });
});

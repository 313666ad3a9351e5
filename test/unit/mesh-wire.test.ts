// The mesh's messages: written, read back, and cut or changed anywhere (docs/design/mesh.md, section 2).
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  checkData,
  dataHead,
  hasRow,
  nack,
  readEntry,
  readIndex,
  readNack,
  readPack,
  readStand,
  stand,
  DATA_HEAD_BYTES,
  STAND_HEAD_BYTES,
} from '../../core/machine/mesh/wire.js';

const SEED = 4711;
const run = { seed: SEED, numRuns: 500 };
const u48 = fc.integer({ min: 0, max: 2 ** 48 - 1 });

describe(`messages of the mesh, seed ${SEED}`, () => {
  test('DATA comes back as it was, with and without a row', () => {
    const pack = fc.record({
      kind: fc.constantFrom('frames' as const, 'piece' as const, 'state' as const, 'turn' as const),
      position: u48,
      bytes: fc.uint8Array({ maxLength: 50 }),
    });
    const row = fc.option(fc.array(u48, { minLength: 3, maxLength: 3 }), { nil: undefined });
    fc.assert(
      fc.property(pack, fc.integer({ min: 1, max: 2 ** 48 - 1 }), row, (p, index, entries) => {
        const whole = { ...p, safeAt: p.bytes.length === 0 ? -1 : p.bytes.length - 1 };
        const bytes = Uint8Array.of(...dataHead(index, whole, entries), ...p.bytes);
        expect(checkData(bytes, 3)).toBe(true);
        expect(readIndex(bytes)).toBe(index);
        expect(hasRow(bytes)).toBe(entries !== undefined);
        entries?.forEach((e, i) => expect(readEntry(bytes, DATA_HEAD_BYTES, i)).toBe(e));
        expect(readPack(bytes, 3)).toEqual(whole);
      }),
      run,
    );
  });

  test('STAND comes back as it was, and nothing longer or shorter is taken', () => {
    fc.assert(
      fc.property(fc.array(u48, { minLength: 1, maxLength: 20 }), fc.nat(3), (row, flags) => {
        const from = Math.floor(row.length / 2);
        const count = row.length - from;
        const bytes = stand(flags, row, from, count);
        expect(readStand(bytes, row.length)).toEqual({ flags, from, count });
        for (let i = 0; i < count; i++) expect(readEntry(bytes, STAND_HEAD_BYTES, i)).toBe(row[from + i]);
        expect(readStand(bytes, row.length - 1)).toBeUndefined();
        expect(readStand(bytes.subarray(0, -1), row.length)).toBeUndefined();
        expect(readStand(Uint8Array.of(...bytes, 0), row.length)).toBeUndefined();
      }),
      run,
    );
  });

  test('NACK comes back as it was; ranges that meet, overlap or are empty are not taken', () => {
    const ranges = [
      { first: 1, many: 1 },
      { first: 3, many: 65_535 },
      { first: 2 ** 48 - 1, many: 1 },
    ];
    expect(readNack(nack(ranges))).toEqual(ranges);
    for (const bad of [
      [{ first: 0, many: 1 }],
      [{ first: 5, many: 0 }],
      [ranges[1]!, ranges[0]!],
      [
        { first: 5, many: 3 },
        { first: 7, many: 1 },
      ],
      [{ first: 2 ** 48 - 1, many: 2 }],
    ])
      expect(readNack(nack(bad))).toBeUndefined();
  });

  test('no bytes whatever make a reader throw', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), fc.integer({ min: 1, max: 9 }), (bytes, members) => {
        if (checkData(bytes, members)) readPack(bytes, members);
        readStand(bytes, members);
        readNack(bytes);
      }),
      { seed: SEED, numRuns: 5000 },
    );
  });
});

// Compact runs: whole again they are what they were, never longer than it, and hostile ones are refused or bounded.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Outbox } from '../../core/machine/outbox/outbox.js';
import { Compactor, expandedBytes, MAX_RUN_BYTES } from '../../core/wire/compact.js';
import { buildFrame, Service } from '../../core/wire/frame.js';

interface Said {
  readonly sender: number;
  readonly groups: number;
  readonly bytes: number;
  readonly safe: boolean;
}

const said = fc.record({
  sender: fc.integer({ min: 0, max: 1 }),
  groups: fc.integer({ min: 1, max: 2 }),
  bytes: fc.integer({ min: 0, max: 300 }),
  safe: fc.boolean(),
});

const frameOf = ({ sender, groups, bytes, safe }: Said): Uint8Array =>
  buildFrame({
    service: safe ? Service.SAFE : Service.AGREED,
    sender: `#s${sender}#alpha`,
    groups: ['g', 'h'].slice(0, groups),
    body: new Uint8Array(bytes).fill(bytes & 0xff),
  });

const runs = fc.array(said, { minLength: 1, maxLength: 30 }).map((all) => Buffer.concat(all.map(frameOf)));

describe('compact runs', () => {
  test('whole again they are the same', () => {
    const c = new Compactor();
    fc.assert(
      fc.property(runs, (frames) => {
        const compact = c.compact(frames);
        expect(compact.length).toBeLessThanOrEqual(frames.length);
        expect(expandedBytes(compact)).toBe(frames.length);
        const copy = new Uint8Array(compact);
        expect(Buffer.from(c.expand(compact)!).equals(frames)).toBe(true);
        expect(Buffer.from(compact).equals(copy)).toBe(true);
      }),
    );
  });

  test('equal heads cost two bytes each', () => {
    const frame = frameOf({ sender: 0, groups: 1, bytes: 100, safe: false });
    const compact = new Compactor().compact(Buffer.concat([frame, frame, frame]));
    expect(compact.length).toBe(frame.length + 2 * 102);
  });

  test('malformed: no head before, cut, too many groups, more than a receiver lays out', () => {
    const frame = frameOf({ sender: 0, groups: 1, bytes: 0, safe: false });
    const many = new Uint8Array(frame);
    many[36] = 101;
    const flood = Buffer.concat([frame, new Uint8Array(2 * Math.ceil(MAX_RUN_BYTES / frame.length))]);
    const bad = [
      Uint8Array.of(0, 0),
      Buffer.concat([frame, Uint8Array.of(0)]),
      Buffer.concat([frame, Uint8Array.of(0, 1)]),
    ];
    for (const b of [...bad, frame.subarray(0, 70), frame.subarray(0, 20), many, flood])
      expect(new Compactor().expand(b)).toBeUndefined();
  });

  test('the outbox cuts packs by what they are when compact, and says so', () => {
    const c = new Compactor();
    fc.assert(
      fc.property(fc.array(runs, { minLength: 1, maxLength: 8 }), (all) => {
        const box = new Outbox(
          { allocate: (n) => new Uint8Array(n), release: () => undefined },
          { bytes: 1400, compact: true },
        );
        for (const frames of all) box.add(frames);
        const out: Uint8Array[] = [];
        while (box.pending(false)) {
          const size = box.nextBytes(false);
          const { bytes, safeAt } = box.take();
          expect(c.compact(bytes).length).toBe(size);
          expect(size).toBeLessThanOrEqual(1400);
          expect(bytes.length).toBeLessThanOrEqual(MAX_RUN_BYTES);
          if (safeAt >= 0) expect(bytes[safeAt]! & Service.SAFE).toBe(Service.SAFE);
          out.push(bytes);
        }
        expect(Buffer.concat(out).equals(Buffer.concat(all))).toBe(true);
      }),
    );
  });
});

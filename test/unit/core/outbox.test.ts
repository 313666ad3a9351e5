// The outbox and the pieces it makes: docs/design/order.md, section 5.
import { beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Reassembly } from '../../../core/machine/delivery/pieces.js';
import { Outbox } from '../../../core/machine/outbox/outbox.js';
import { SLAB_BYTES } from '../../../core/machine/options.js';
import type { Packing } from '../../../core/machine/types.js';
import { MAX_RUN_BYTES } from '../../../core/wire/compact.js';
import { buildFrame, Service } from '../../../core/wire/frame.js';

const ports = { allocate: (n: number) => new Uint8Array(n), release: () => undefined };
const frame = (bytes: number, service: number = Service.AGREED): Uint8Array =>
  buildFrame({ service, sender: '#a#alpha', groups: ['g'], body: new Uint8Array(bytes).fill(bytes & 0xff) });
const whole = (bytes: number): Packing => ({ bytes, compact: false });
const join = (parts: Uint8Array[]): Uint8Array => Buffer.concat(parts);

/** Everything taken, whole frames again. */
function drain(box: Outbox, limit: number): Uint8Array {
  const pieces = new Reassembly(1 << 20);
  const out: Uint8Array[] = [];
  while (box.pending(false)) {
    const size = box.nextBytes(false);
    const c = box.take();
    expect(c.bytes.length).toBe(size);
    expect(c.bytes.length).toBeLessThanOrEqual(limit);
    if (c.kind === 'frames') out.push(c.bytes);
    else {
      const whole = pieces.add(0, c.bytes);
      if (whole) out.push(whole);
    }
  }
  return join(out);
}

describe('outbox', () => {
  test('where packs are compact none is longer than a run that may be', () => {
    const box = new Outbox(ports, { bytes: 24_000, compact: true });
    const said = frame(20_000);
    box.add(said);
    expect(drain(box, MAX_RUN_BYTES)).toEqual(said);
  });

  test('small runs share a pack until it is taken', () => {
    const box = new Outbox(ports, whole(1000));
    box.add(frame(10));
    box.add(frame(20));
    expect(box.take().bytes).toEqual(join([frame(10), frame(20)]));
    expect(box.pending(false)).toBe(false);
    expect(box.bytes).toBe(0);
  });

  test('safeAt is the offset of the first SAFE frame', () => {
    const box = new Outbox(ports, whole(1000));
    box.add(frame(10));
    box.add(join([frame(20), frame(5, Service.SAFE), frame(6, Service.SAFE)]));
    expect(box.take().safeAt).toBe(frame(10).length + frame(20).length);
  });

  describe('a run in memory that lasts', () => {
    const run = join([frame(300), frame(200, Service.SAFE)]);

    test('is a pack of its own where it is, if it is long', () => {
      const box = new Outbox(ports, whole(1000));
      box.add(frame(10));
      expect(box.add(run, true) & Service.SAFE).not.toBe(0);
      box.add(frame(20));
      const [before, kept, after] = [box.take(), box.take(), box.take()];
      expect([before.bytes, after.bytes]).toEqual([frame(10), frame(20)]);
      expect(kept.safeAt).toBe(frame(300).length);
      expect([kept.bytes.buffer === run.buffer, kept.bytes.byteOffset]).toEqual([true, run.byteOffset]);
      expect(Buffer.from(kept.bytes)).toEqual(run);
    });

    test('is several where it is longer than a pack, and a frame longer than one goes in pieces', () => {
      const box = new Outbox(ports, whole(400));
      const all = join([run, frame(700), run]);
      box.add(all, true);
      expect(drain(box, 400)).toEqual(all);
    });

    test('is not followed by a small pack of its own: what is left over may grow', () => {
      const box = new Outbox(ports, whole(1000));
      const left = frame(10);
      box.add(join([frame(900), left]), true);
      box.add(frame(20));
      expect([box.take().bytes, box.take().bytes]).toEqual([frame(900), join([left, frame(20)])]);
    });

    test.each([
      { what: 'is short', lasting: true, packing: whole(100_000) },
      { what: 'is to be compact', lasting: true, packing: { bytes: 1000, compact: true } },
      { what: 'does not last', lasting: false, packing: whole(1000) },
    ])('is copied where it $what', ({ lasting, packing }) => {
      const box = new Outbox(ports, packing);
      const mine = Buffer.from(run);
      box.add(mine, lasting);
      mine.fill(0);
      expect(drain(box, packing.bytes)).toEqual(run);
    });
  });

  describe('gives back', () => {
    let back = 0;
    const counting = { ...ports, release: (b: Uint8Array, count = b.length) => void (back += count) };

    beforeEach(() => {
      back = 0;
    });

    test('of a run that lasts what it copied, not what it keeps', () => {
      const [kept, copied] = [frame(900), frame(10)];
      new Outbox(counting, whole(1000)).add(join([kept, copied]), true);
      expect(back).toBe(copied.length);
    });

    test('nothing of memory that does not last', () => {
      new Outbox(counting, whole(1000)).add(frame(900));
      expect(back).toBe(0);
    });

    test('what no pack took of a slab, when it takes the next', () => {
      const box = new Outbox(counting, whole(400_000));
      const one = frame(300_000);
      for (let i = 0; i < 4; i++) box.add(one);
      expect(back).toBe(SLAB_BYTES - 3 * one.length);
    });
  });

  test('state goes first, and alone while the exchange runs', () => {
    const box = new Outbox(ports, whole(1000));
    box.add(frame(1));
    box.addState([new Uint8Array(3)]);
    expect(box.take()).toMatchObject({ kind: 'state' });
    expect(box.pending(true)).toBe(false);
    expect(box.nextBytes(true)).toBe(0);
    expect(box.pending(false)).toBe(true);
  });

  test('a large frame half taken begins again, whole, in the next configuration', () => {
    const box = new Outbox(ports, whole(200));
    box.add(frame(1000));
    box.take();
    box.take();
    box.restart(whole(150));
    expect(drain(box, 150)).toEqual(Buffer.from(frame(1000)));
  });

  test('what a link that orders never numbered goes first, large frames whole, own state not at all', () => {
    const sizes = fc.array(fc.integer({ min: 0, max: 600 }), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(sizes, fc.nat(20), fc.nat(20), (bytes, taken, numbered) => {
        const box = new Outbox(ports, whole(200));
        const frames = bytes.map((n) => frame(n));
        for (const f of frames) box.add(f);
        const contents = [];
        while (contents.length < taken && box.pending(false)) contents.push(box.take());
        const sure = contents.slice(0, numbered);
        const unsent = contents.slice(numbered);
        const pieces = new Reassembly(1 << 20);
        const done = sure
          .map((c) => (c.kind === 'frames' ? c.bytes : pieces.add(0, c.bytes)))
          .filter((b) => b !== undefined);
        const state = { kind: 'state', safeAt: -1, bytes: new Uint8Array(9) } as const;
        box.restart(whole(150), unsent.length > 0 ? [state, ...unsent, state] : []);
        expect(join([...done, drain(box, 150)])).toEqual(join(frames));
      }),
    );
  });

  test('whatever the sizes, limits and cuts: the same bytes come out, in order', () => {
    const sizes = fc.array(fc.array(fc.integer({ min: 0, max: 600 }), { minLength: 1, maxLength: 8 }), {
      maxLength: 12,
    });
    fc.assert(
      fc.property(sizes, fc.integer({ min: 100, max: 700 }), fc.integer({ min: 100, max: 700 }), (runs, one, two) => {
        const box = new Outbox(ports, whole(one));
        const all = runs.map((r) => join(r.map((n) => frame(n, n % 3 ? Service.FIFO : Service.SAFE))));
        for (const [i, r] of all.entries()) box.add(r, i % 2 === 1);
        expect(box.bytes).toBe(join(all).length);
        box.restart(whole(two));
        expect(drain(box, two)).toEqual(join(all));
        expect(box.bytes).toBe(0);
      }),
    );
  });
});

describe('pieces', () => {
  test('pieces that do not follow each other make nothing, and take no memory on a claimed total', () => {
    const r = new Reassembly(1000);
    const piece = (total: number, offset: number, n: number): Uint8Array => {
      const b = new Uint8Array(8 + n);
      new DataView(b.buffer).setUint32(0, total, true);
      new DataView(b.buffer).setUint32(4, offset, true);
      return b;
    };
    expect(r.add(0, piece(20, 10, 10))).toBeUndefined();
    expect(r.add(0, piece(4_000_000_000, 0, 10))).toBeUndefined();
    expect(r.add(0, piece(20, 0, 10))).toBeUndefined();
    expect(r.add(1, piece(20, 10, 10))).toBeUndefined();
    expect(r.add(0, piece(20, 10, 10))?.length).toBe(20);
    expect(r.add(0, piece(20, 10, 10))).toBeUndefined();
    expect(r.dropped).toBe(4);
  });
});

// The check of client frames (core/wire/check.ts, reader.ts, partial.ts): every rule of section 6 of the protocol, what
// is made canonical, and that no way of cutting the stream or damaging it changes more than it should.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { FrameCheck, checkFrames } from '../../core/wire/check.js';
import type { FrameFault, SessionFacts } from '../../core/wire/check.js';
import {
  DATA_LENGTH_OFFSET,
  GROUPS_COUNT_OFFSET,
  HEADER_BYTES,
  HINT_OFFSET,
  NAME_BYTES,
  SENDER_OFFSET,
  Service,
  buildFrame,
  frameBytes,
  readName,
  readU32,
  writeName,
  writeU32,
} from '../../core/wire/frame.js';
import type { FrameParts } from '../../core/wire/frame.js';
import { PartialFrame } from '../../core/wire/partial.js';
import { FrameReader, LEAST_LASTING_BYTES, MANY_MESSAGES, MOST_LASTING_BYTES } from '../../core/wire/reader.js';
import type { StreamState } from '../../core/wire/reader.js';

const OWN = '#user#solo';
const LIMIT = 143_952;

function facts(maxMessageBytes = LIMIT): SessionFacts {
  const sender = new Uint8Array(NAME_BYTES);
  writeName(sender, 0, OWN);
  return { sender, maxMessageBytes };
}

function frame(parts: Partial<FrameParts> = {}): Uint8Array {
  return buildFrame({ service: Service.AGREED, sender: OWN, groups: ['chat'], ...parts });
}

/** The same frame as a big-endian client writes it; the hint too, with its mark clear. */
function bigEndian(f: Uint8Array): Uint8Array {
  const b = new Uint8Array(f);
  const view = new DataView(b.buffer);
  for (const at of [0, GROUPS_COUNT_OFFSET, HINT_OFFSET, DATA_LENGTH_OFFSET]) {
    const word = readU32(f, at);
    view.setUint32(at, at === 0 || at === HINT_OFFSET ? (word & ~0x80000080) >>> 0 : word, false);
  }
  return b;
}

function concat(...parts: Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

/** Everything a stream becomes when it is read in these chunks. */
function readAll(chunks: Uint8Array[], limits = facts()) {
  const runs: Uint8Array[] = [];
  let messages = 0;
  let dropped = 0;
  const reader = new FrameReader(limits, {
    run: (frames, n) => {
      runs.push(new Uint8Array(frames));
      messages += n;
    },
    dropped: () => dropped++,
  });
  let state: StreamState = 'open';
  for (const chunk of chunks) {
    state = reader.received(new Uint8Array(chunk));
    if (state !== 'open') break;
  }
  const fault = state === 'invalid' ? reader.fault : undefined;
  return { bytes: concat(...runs), runs: runs.length, messages, dropped, state, fault, held: reader.heldBytes, reader };
}

function faultOf(f: Uint8Array): FrameFault | undefined {
  return readAll([f]).fault;
}

function patched(at: number, word: number, f = frame()): Uint8Array {
  writeU32(f, at, word);
  return f;
}

describe('canonical frames', () => {
  test('a run of whole frames is reported once', () => {
    const stream = concat(frame(), frame({ groups: ['a', 'b'], body: new Uint8Array(9) }), frame({ type: -3 }));
    const check = new FrameCheck();
    checkFrames(stream, 0, stream.length, facts(), check);
    expect([check.from, check.to, check.messages, check.stop, check.next]).toEqual([
      0,
      stream.length,
      3,
      'more',
      stream.length,
    ]);
    expect(readAll([stream]).bytes).toEqual(stream);
  });

  test('item 14: big-endian headers are rewritten little-endian', () => {
    const f = frame({ groups: ['chat', 'other'], body: Uint8Array.of(1, 2, 3) });
    const read = readAll([bigEndian(f)]);
    expect(readU32(read.bytes, 0)).toBe(0x80000090);
    expect(frameBytes(read.bytes, 0)).toBe(read.bytes.length);
    expect(read.bytes.subarray(HEADER_BYTES)).toEqual(f.subarray(HEADER_BYTES));
  });

  test('item 15: the hint passes through untouched', () => {
    const f = bigEndian(frame({ type: 0x0102 }));
    expect([...readAll([f]).bytes.subarray(HINT_OFFSET, HINT_OFFSET + 4)]).toEqual([0, 1, 2, 0]);
    expect([...readAll([frame({ type: -5 })]).bytes.subarray(HINT_OFFSET, HINT_OFFSET + 4)]).toEqual([
      0x80, 0xfb, 0xff, 0x80,
    ]);
  });

  test('item 16: names end at their first NUL and are zero behind it', () => {
    const f = frame({ groups: ['chat', 'other'] });
    f.fill(0x41, SENDER_OFFSET + OWN.length + 1, SENDER_OFFSET + NAME_BYTES);
    f.fill(0x42, HEADER_BYTES + 5, HEADER_BYTES + NAME_BYTES);
    f.fill(0x43, HEADER_BYTES + NAME_BYTES + 6, HEADER_BYTES + 2 * NAME_BYTES);
    expect(readAll([f]).bytes).toEqual(frame({ groups: ['chat', 'other'] }));
  });

  test('item 23: foreign bits are masked, SUBGROUP_CAST and SELF_DISCARD stay', () => {
    const foreign = 0x01800000;
    const kept = (Service.FIFO | Service.SELF_DISCARD | Service.SUBGROUP_CAST) >>> 0;
    const read = readAll([frame({ service: (kept | foreign) >>> 0 })]);
    expect(readU32(read.bytes, 0)).toBe((kept | 0x80000080) >>> 0);
  });

  test('a JOIN keeps its first group and loses its body', () => {
    const join = frame({ service: Service.JOIN, groups: ['one', 'two'], body: new Uint8Array(70) });
    const read = readAll([concat(join, frame())]);
    expect(read.bytes).toEqual(concat(frame({ service: Service.JOIN, groups: ['one'] }), frame()));
    expect([read.messages, read.dropped, read.runs]).toEqual([2, 0, 2]);
  });
});

describe('frames without effect', () => {
  test('item 19: a regular frame to nobody is left out, the session stays', () => {
    const read = readAll([concat(frame(), frame({ groups: [], body: new Uint8Array(5) }), frame())]);
    expect([read.messages, read.dropped, read.state]).toEqual([2, 1, 'open']);
  });

  test.each(['', 'a b', '#x', '#obs#solo', 'caf\xe9', 'x'.repeat(32)])('JOIN and LEAVE of %j are left out', (name) => {
    for (const service of [Service.JOIN, Service.LEAVE]) {
      const f = frame({ service });
      for (let i = 0; i < NAME_BYTES; i++) f[HEADER_BYTES + i] = i < name.length ? name.charCodeAt(i) : 0;
      const read = readAll([f]);
      expect([read.messages, read.dropped, read.state]).toEqual([0, 1, 'open']);
    }
  });

  test('a LEAVE without a group is left out', () => {
    expect(readAll([frame({ service: Service.LEAVE, groups: [] })]).dropped).toBe(1);
  });
});

describe('item 17: invalid headers', () => {
  const service = (bits: number) => frame({ service: bits >>> 0 });
  const cases: [string, FrameFault, Uint8Array][] = [
    ['two levels', 'service', service(Service.FIFO | Service.AGREED)],
    ['no service bit', 'service', service(0)],
    ['SELF_DISCARD alone', 'service', service(Service.SELF_DISCARD)],
    ['JOIN and LEAVE', 'service', service(Service.JOIN | Service.LEAVE)],
    ['FIFO and JOIN', 'service', service(Service.FIFO | Service.JOIN)],
    ['forged membership', 'forged', service(Service.AGREED | Service.REG_MEMB | Service.CAUSED_BY_JOIN)],
    ['forged TRANSITION', 'forged', service(Service.AGREED | Service.TRANSITION)],
    ['REJECT', 'forged', service(Service.AGREED | Service.REJECT)],
    ['retransmit bit', 'forged', service(Service.AGREED | 0x4000)],
    ['latency bit', 'forged', service(Service.AGREED | 0x8000)],
    ['daemon bits', 'forged', service(Service.AGREED | 0x00300000)],
    ['other sender', 'sender', frame({ sender: '#zzz#solo' })],
    ['longer sender', 'sender', frame({ sender: '#user#solo2' })],
    ['shorter sender', 'sender', frame({ sender: '#user#sol' })],
    ['no sender', 'sender', frame({ sender: '' })],
    ['101 groups', 'groups', patched(GROUPS_COUNT_OFFSET, 101)],
    ['-1 groups', 'groups', patched(GROUPS_COUNT_OFFSET, 0xffffffff)],
    ['low byte of the hint', 'hint', patched(HINT_OFFSET, 0x80000081)],
    ['high byte of the hint', 'hint', patched(HINT_OFFSET, 0x81000080)],
    ['negative length', 'too-long', patched(DATA_LENGTH_OFFSET, 0xffffffff)],
    ['length above the limit', 'too-long', patched(DATA_LENGTH_OFFSET, LIMIT - NAME_BYTES + 1)],
    ['JOIN without a group', 'no-group', frame({ service: Service.JOIN, groups: [] })],
  ];

  test.each(cases)('%s breaks rule %s', (_what, fault, f) => {
    expect(faultOf(f)).toBe(fault);
    expect(readAll([concat(frame(), f.subarray(0, HEADER_BYTES))])).toMatchObject({ messages: 1, fault });
  });

  test('a destination without a NUL', () => {
    const f = frame({ groups: ['a', 'b'] });
    f.fill(0x61, HEADER_BYTES + NAME_BYTES, HEADER_BYTES + 2 * NAME_BYTES);
    expect(faultOf(f)).toBe('unterminated');
  });

  test('item 22: the limit itself is taken', () => {
    const largest = frame({ body: new Uint8Array(LIMIT - NAME_BYTES).fill(7) });
    expect(readAll([largest.subarray(0, 70_000), largest.subarray(70_000)]).bytes).toEqual(largest);
  });

  test('lengths come before everything else', () => {
    expect(faultOf(patched(DATA_LENGTH_OFFSET, 0x7fffffff, frame({ service: 0, sender: '' })))).toBe('too-long');
  });
});

describe('KILL', () => {
  test.each([0, 1, 3])('with %d groups and a body ends the stream, what came before it counts', (groups) => {
    const names = Array.from({ length: groups }, () => OWN);
    const kill = frame({ service: Service.KILL, groups: names, body: new Uint8Array(groups) });
    expect(readAll([concat(frame(), kill, frame())])).toMatchObject({ messages: 1, state: 'kill' });
  });
});

describe('partial frames', () => {
  test('memory follows the bytes that came, not the length that is claimed', () => {
    const claimed = frame({ body: new Uint8Array(60 * 1024 * 1024) });
    const read = readAll([claimed.subarray(0, 300)], facts(64 * 1024 * 1024));
    expect(read.reader.heldCapacity).toBeLessThanOrEqual(600);
    expect(read.held).toBe(300);
  });

  test('a large buffer is given back when its frame is complete', () => {
    const partial = new PartialFrame();
    const bytes = new Uint8Array(100_000);
    partial.fill(bytes, 0, 90_000, 100_000);
    expect(partial.fill(bytes, 90_000, 100_000, 100_000)).toBe(100_000);
    partial.clear();
    expect(partial.capacity).toBe(0);
  });

  test('a large buffer goes from frame to frame, and never shows what was in it before', () => {
    const [first, second, third] = [new PartialFrame(), new PartialFrame(), new PartialFrame()];
    first.fill(new Uint8Array(200_000).fill(1), 0, 200_000, 200_000);
    const { buffer } = first.bytes;
    first.clear();
    second.fill(new Uint8Array(90_000).fill(2), 0, 90_000, 150_000);
    third.fill(new Uint8Array(90_000).fill(3), 0, 90_000, 150_000);
    expect([second.bytes.buffer === buffer, third.bytes.buffer === buffer]).toEqual([true, false]);
    expect(second.length).toBe(90_000);
    expect(second.bytes.every((b) => b === 2)).toBe(true);
    expect(third.bytes.every((b) => b === 3)).toBe(true);
  });
});

describe('chunks in memory that lasts', () => {
  const large = 4 * LEAST_LASTING_BYTES;

  /** Reads the parts of a stream that lies in one piece of memory; of those in `elsewhere` a copy. */
  function readInPlace(stream: Uint8Array, cuts: readonly number[], elsewhere: readonly number[] = []) {
    const bytes = new Uint8Array(stream);
    const runs: { frames: Uint8Array; lasting: boolean }[] = [];
    const reader = new FrameReader(facts(1024 * 1024), {
      run: (frames, _n, lasting) => runs.push({ frames: lasting ? frames : new Uint8Array(frames), lasting }),
      dropped: () => undefined,
    });
    const at = [0, ...cuts, stream.length];
    for (const [i, end] of at.slice(1).entries()) {
      const part = bytes.subarray(at[i], end);
      if (elsewhere.includes(i)) reader.received(new Uint8Array(part));
      else reader.received(part, true);
    }
    return { bytes, runs, reader };
  }

  test('a large frame that spans them is handed on where it lies', () => {
    const stream = concat(frame(), frame({ body: new Uint8Array(large).fill(7) }), frame());
    const { bytes, runs, reader } = readInPlace(stream, [300, 10_000, 20_000]);
    expect(runs.map((r) => r.lasting)).toEqual([true, true]);
    expect(runs.every((r) => r.frames.buffer === bytes.buffer)).toBe(true);
    expect(concat(...runs.map((r) => r.frames))).toEqual(stream);
    expect([reader.heldBytes, reader.heldCapacity]).toEqual([0, 0]);
  });

  test('one whose second part lies elsewhere is put together, and does not last', () => {
    const stream = frame({ body: new Uint8Array(large).fill(7) });
    const { runs } = readInPlace(stream, [10_000, 20_000], [1]);
    expect(runs.map((r) => r.lasting)).toEqual([false]);
    expect(runs[0]!.frames).toEqual(stream);
  });

  test.each([
    { what: 'small', body: 300 },
    { what: 'very large', body: MOST_LASTING_BYTES },
  ])('the part of a $what frame is copied: no memory is held by it', ({ body }) => {
    const stream = frame({ body: new Uint8Array(body) });
    const { reader, bytes } = readInPlace(stream.subarray(0, 200), []);
    expect([reader.heldBytes, reader.wantsLasting]).toEqual([200, false]);
    expect(reader.held.buffer === bytes.buffer).toBe(false);
  });

  test('nor is that of a large one behind so many others that they are small', () => {
    const small = concat(...Array.from({ length: MANY_MESSAGES }, () => frame()));
    const { reader, bytes } = readInPlace(concat(small, frame({ body: new Uint8Array(large) }).subarray(0, 200)), []);
    expect([reader.heldBytes, reader.isLarge, reader.wantsLasting]).toEqual([200, false, false]);
    expect(reader.held.buffer === bytes.buffer).toBe(false);
  });

  test('a small run does not hold what much was read into, and who sends frames without effect gets no such memory', () => {
    const nobody = frame({ groups: [], body: new Uint8Array(large) });
    const stream = concat(frame({ body: new Uint8Array(large) }), ...Array.from({ length: 8 }, () => nobody));
    const { runs, reader } = readInPlace(concat(stream, frame({ body: new Uint8Array(large) }).subarray(0, 200)), []);
    expect(runs.map((r) => r.lasting)).toEqual([false]);
    expect([reader.heldBytes, reader.wantsLasting]).toEqual([200, false]);
  });

  test('what is held may be moved, and is read on behind its new place', () => {
    const stream = frame({ body: new Uint8Array(large).fill(7) });
    const { reader, runs } = readInPlace(stream.subarray(0, 10_000), []);
    const place = new Uint8Array(stream.length);
    place.set(reader.held);
    reader.moved(place.subarray(0, 10_000));
    place.set(stream.subarray(10_000), 10_000);
    reader.received(place.subarray(10_000), true);
    expect(runs.map((r) => [r.frames.buffer === place.buffer, r.lasting])).toEqual([[true, true]]);
    expect(runs[0]!.frames).toEqual(stream);
  });

  test('however they are cut, and wherever they lie, the frames are the same', () => {
    const bodies = fc.array(fc.constantFrom(0, 50, 3000, LEAST_LASTING_BYTES, large, MOST_LASTING_BYTES), {
      minLength: 1,
      maxLength: 6,
    });
    fc.assert(
      fc.property(bodies, fc.array(fc.nat(), { maxLength: 12 }), fc.array(fc.nat(12)), (sizes, cuts, elsewhere) => {
        const stream = concat(...sizes.map((n, i) => frame({ body: new Uint8Array(n).fill(i + 1) })));
        const at = [...new Set(cuts.map((c) => c % stream.length))].sort((a, b) => a - b);
        const { runs } = readInPlace(stream, at, elsewhere);
        expect(Buffer.compare(concat(...runs.map((r) => r.frames)), stream)).toBe(0);
      }),
      { numRuns: 100 },
    );
  });
});

/** A stream of valid frames of all sorts, some of them without effect, in either byte order. */
const someFrames = fc
  .array(
    fc.record({
      kind: fc.constantFrom('regular', 'regular', 'regular', 'join', 'leave', 'nobody'),
      groups: fc.array(fc.string({ minLength: 0, maxLength: 31, unit: 'grapheme-ascii' }), {
        minLength: 1,
        maxLength: 5,
      }),
      body: fc.uint8Array({ maxLength: 400 }),
      type: fc.integer({ min: -32768, max: 32767 }),
      big: fc.boolean(),
    }),
    { minLength: 1, maxLength: 8 },
  )
  .map((list) =>
    list.map(({ kind, groups, body, type, big }) => {
      const service = kind === 'join' ? Service.JOIN : kind === 'leave' ? Service.LEAVE : Service.SAFE;
      const f = frame({ service, groups: kind === 'nobody' ? [] : groups, body, type });
      return big ? bigEndian(f) : f;
    }),
  );

describe('properties', () => {
  test('item 18: a split at every byte boundary gives the same frames', () => {
    const stream = concat(
      frame({ body: Uint8Array.of(1, 2, 3) }),
      frame({ service: Service.JOIN, groups: ['a', 'b'], body: Uint8Array.of(1) }),
      frame({ groups: [] }),
      bigEndian(frame({ groups: ['x', 'y'] })),
      frame({ service: Service.KILL }),
    );
    const whole = readAll([stream]);
    expect(whole).toMatchObject({ messages: 3, dropped: 1, state: 'kill' });
    for (let i = 1; i < stream.length; i++)
      expect(readAll([stream.subarray(0, i), stream.subarray(i)]).bytes).toEqual(whole.bytes);
    const single = readAll(Array.from(stream, (byte) => Uint8Array.of(byte)));
    expect(single).toMatchObject({ bytes: whole.bytes, messages: 3, dropped: 1, state: 'kill' });
  });

  test('any cutting of any valid stream gives the same frames', () => {
    fc.assert(
      fc.property(someFrames, fc.array(fc.nat(3000), { maxLength: 12 }), (frames, cuts) => {
        const stream = concat(...frames);
        const at = [...new Set([0, ...cuts.map((c) => c % stream.length), stream.length])].sort((a, b) => a - b);
        const chunks = at.slice(1).map((end, i) => stream.subarray(at[i], end));
        const [whole, cut] = [readAll([stream]), readAll(chunks)];
        expect(cut.bytes).toEqual(whole.bytes);
        expect([cut.messages, cut.dropped, cut.state]).toEqual([whole.messages, whole.dropped, 'open']);
      }),
      { numRuns: 200 },
    );
  });

  test('canonical frames stay as they are', () => {
    fc.assert(
      fc.property(someFrames, (frames) => {
        const once = readAll([concat(...frames)]).bytes;
        expect(readAll([once]).bytes).toEqual(once);
      }),
      { numRuns: 200 },
    );
  });

  test('damage never throws, never takes memory, and never lets a foreign sender or bit through', () => {
    const damage = fc.array(fc.tuple(fc.nat(4000), fc.nat(255)), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(someFrames, damage, (frames, changes) => {
        const stream = concat(...frames);
        for (const [at, value] of changes) stream[at % stream.length] = value;
        const read = readAll([stream.subarray(0, 100), stream.subarray(100)]);
        expect(read.reader.heldCapacity).toBeLessThanOrEqual(2 * stream.length + 256);
        for (let at = 0; at < read.bytes.length; at += frameBytes(read.bytes, at)) {
          expect(readName(read.bytes, at + SENDER_OFFSET)).toBe(OWN);
          expect(readU32(read.bytes, at) & 0x0078ff00 & ~0x80000080).toBe(0);
        }
      }),
      { numRuns: 500 },
    );
  });
});

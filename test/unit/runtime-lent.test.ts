// Memory that is used again (core/plugin/lent.ts): when it is, and that everybody who keeps some of it keeps it.
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { Lane } from '../../core/plugin/lanes.js';
import { hold, lentWhole, MOST_FREE, release, Slab } from '../../core/plugin/lent.js';
import { Outbound, OUTBOUND_DEFAULTS } from '../../core/plugin/outbound/index.js';
import type { OutboundPort } from '../../core/plugin/outbound/policy.js';
import { SocketWriter, type StreamWrap } from '../../core/plugin/socket-writer.js';
import { MessageReader } from '../../link-protocols/tcp/reader.js';
import { LENGTH_BYTES } from '../../link-protocols/tcp/wire.js';
import { quiet } from './runtime-world.js';

/** Each test has slabs of a size of its own. */
let size = 100_000;
const open: Socket[] = [];

afterEach(() => {
  for (const socket of open.splice(0)) socket.destroy();
});

/** A slab that is left, all of it lent. */
function lent(bytes = ++size): { slab: Slab; memory: Uint8Array } {
  const slab = new Slab(bytes);
  slab.lend(bytes);
  slab.leave();
  return { slab, memory: slab.memory };
}

/** Is it what the next reader of that size gets? Then it is taken. */
function free(memory: Uint8Array): boolean {
  return new Slab(memory.length).memory === memory;
}

describe('a slab', () => {
  test('is taken again when it is left and all came back, the last one first', () => {
    const [a, b] = [lent(), lent(size)];
    a.slab.back(a.memory.length - 1);
    expect(free(a.memory)).toBe(false);
    a.slab.back(1);
    b.slab.back(b.memory.length);
    expect(new Slab(size).memory).toBe(b.memory);
    expect(new Slab(size).memory).toBe(a.memory);
    expect([a.memory, b.memory]).not.toContain(new Slab(size).memory);
  });

  test('that is still filled is not, whatever came back', () => {
    const slab = new Slab(++size);
    slab.lend(10);
    slab.back(10);
    expect(free(slab.memory)).toBe(false);
    slab.leave();
    expect(free(slab.memory)).toBe(true);
  });

  test('of which more came back than was lent is never used again, and a warning tells', () => {
    const warned = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    const { slab, memory } = lent();
    slab.back(memory.length + 1);
    slab.lend(1);
    slab.back(1);
    expect(free(memory)).toBe(false);
    expect(warned.mock.calls).toEqual([['more memory was given back than was lent', { code: 'PEAL_LENT' }]]);
    warned.mockRestore();
  });

  test('is held by any part of it, as often as it is held', () => {
    const memory = lentWhole(++size);
    const [some, more] = [memory.subarray(10, 20), memory.subarray(15, 40)];
    hold(some);
    hold(some);
    hold(more);
    release(memory);
    release(some);
    release(more);
    expect(free(memory)).toBe(false);
    release(some);
    expect(free(memory)).toBe(true);
  });

  test('comes back in parts, a head told by its length', () => {
    const memory = lentWhole(++size);
    release(memory.subarray(24, 90), 24);
    release(memory.subarray(24));
    expect(free(memory)).toBe(true);
  });

  test('is not what other memory lies in', () => {
    const plain = Buffer.allocUnsafeSlow(++size);
    release(plain);
    hold(plain);
    release(plain);
    expect(free(plain)).toBe(false);
  });

  test('leaves few behind', () => {
    const all = Array.from({ length: MOST_FREE + 10 }, () => lentWhole(size + 1));
    size++;
    for (const memory of all) release(memory);
    const again = Array.from({ length: MOST_FREE + 10 }, () => new Slab(size).memory);
    expect(again.filter((memory) => all.includes(memory)).length).toBe(MOST_FREE);
  });
});

test('messages of a connection come back in any order, and their slab is read into again', () => {
  const got: Uint8Array[] = [];
  const reader = new MessageReader(10_000, ++size, (bytes) => got.push(bytes));
  const first = reader.room().buffer;
  const said = (n: number): Uint8Array => {
    const b = Buffer.alloc(LENGTH_BYTES + 9000, n);
    b.writeUInt32LE(9000);
    return b;
  };
  for (let n = 0; n < 12; n++) expect(reader.push(said(n))).toBe(true);
  const ofFirst = got.filter((m) => m.buffer === first);
  expect([ofFirst.length > 8, got.length]).toEqual([true, 12]);
  for (const m of ofFirst.slice(1).reverse()) release(m);
  expect(new Slab(size).memory.buffer).not.toBe(first);
  release(ofFirst[0]!);
  got.forEach((m, n) => expect([...new Set(m)]).toEqual([n]));
  // The next slab that the reader takes is the first one.
  while (got.at(-1)!.buffer !== first && got.length < 40) expect(reader.push(said(got.length))).toBe(true);
  expect(got.at(-1)!.buffer).toBe(first);
});

test('a frame that goes on in the next slab of its lane comes back to both', () => {
  const lane = new Lane();
  const fill = (bytes: number): Uint8Array => {
    const room = lane.room(undefined, bytes);
    lane.filled(room.length);
    return room;
  };
  const first = fill(1_000_000);
  const held = first.subarray(900_000);
  let moved: Uint8Array | undefined;
  const room = lane.room({ held, moved: (bytes) => (moved = bytes) }, 1000);
  expect(room.buffer).not.toBe(first.buffer);
  expect(Buffer.compare(moved!, held)).toBe(0);
  // What was moved came back by itself.
  release(first.subarray(0, 900_000));
  expect(new Slab(first.buffer.byteLength).memory.buffer).toBe(first.buffer);
});

describe('output', () => {
  const binding = (process as unknown as { binding(name: string): StreamWrap }).binding('stream_wrap');

  /** A socket to write to, and its other end, which reads nothing yet. */
  async function pair(): Promise<{ reader: Socket; socket: Socket }> {
    const server = createServer({ pauseOnConnect: true });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const reader = connect((server.address() as AddressInfo).port, '127.0.0.1').pause();
    const [socket] = (await once(server, 'connection')) as [Socket];
    server.close();
    socket.on('error', () => undefined);
    open.push(reader, socket);
    return { reader, socket };
  }

  test.each([
    { way: 'past the stream', wrap: binding },
    { way: 'through the stream', wrap: null },
  ])('$way, that the system does not take is held until it does', async ({ wrap }) => {
    const { reader, socket } = await pair();
    const writer = new SocketWriter(socket, wrap);
    const taken: Uint8Array[] = [];
    for (let more = true; more;) {
      const memory = lentWhole(1_000_001);
      taken.push(memory);
      more = writer.write([memory.subarray(0, 600_000), memory.subarray(600_000)]);
      release(memory);
    }
    expect(free(taken.at(-1)!)).toBe(false);
    // Behind what waits: through the stream in any case.
    const last = lentWhole(++size);
    writer.write([last]);
    release(last);
    expect(free(last)).toBe(false);
    let bytes = 0;
    reader.on('data', (chunk: Uint8Array) => (bytes += chunk.length));
    reader.resume();
    await once(socket, 'drain');
    expect(writer.waiting).toBe(0);
    expect(free(last)).toBe(true);
    const all = 1_000_001 * taken.length + last.length;
    while (bytes < all) await once(reader, 'data');
    expect(bytes).toBe(all);
  });

  test('of a connection that broke is never used again', async () => {
    const { socket } = await pair();
    const writer = new SocketWriter(socket);
    const memory = lentWhole(16_000_000);
    expect(writer.write([memory])).toBe(false);
    release(memory);
    socket.destroy();
    await once(socket, 'close');
    expect(free(memory)).toBe(false);
  });

  test('that waits for a slow reader is held until it is written', () => {
    const world = quiet();
    let drained = (): void => undefined;
    let held = 0;
    const port: OutboundPort = {
      write: () => held === 0,
      pending: () => held,
      onDrain: (told) => (drained = told),
    };
    const never = (): never => {
      throw new Error('not asked');
    };
    const host = { loop: world.loop, name: 'test', congested: never, sendBlocked: never, kick: never, notice: never };
    const out = new Outbound(port, host, OUTBOUND_DEFAULTS);
    held = 1;
    out.deliver(Buffer.alloc(1), 1);
    out.flush();
    const memory = lentWhole(++size);
    out.deliver(memory.subarray(0, 50_000), 1);
    out.flush();
    release(memory);
    expect(free(memory)).toBe(false);
    held = 0;
    drained();
    expect(free(memory)).toBe(true);
  });
});

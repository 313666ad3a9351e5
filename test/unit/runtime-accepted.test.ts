// How accepted sockets are read (core/plugin/accepted.ts), on real ones: in order, once a turn, and not while paused.
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { LARGE_READ_BYTES, READ_BYTES, readAccepted } from '../../core/plugin/accepted.js';
import { isLasting, MOST_LANES } from '../../core/plugin/lanes.js';
import { buildFrame, Service, writeName } from '../../core/wire/frame.js';
import { FrameReader } from '../../core/wire/reader.js';

const MIB = 1024 * 1024;
const open: Socket[] = [];

afterEach(() => {
  for (const socket of open.splice(0)) socket.destroy();
});

/** Both ends of a connection, over TCP or by the path of a Unix socket; nobody reads the accepted one yet. */
async function pair(path?: string): Promise<{ client: Socket; accepted: Socket }> {
  const server = createServer({ allowHalfOpen: true });
  if (path === undefined) server.listen(0, '127.0.0.1');
  else server.listen(path);
  await once(server, 'listening');
  const client = path === undefined ? connect((server.address() as AddressInfo).port, '127.0.0.1') : connect(path);
  const [accepted] = (await once(server, 'connection')) as [Socket];
  server.close();
  open.push(client, accepted);
  return { client, accepted };
}

test.each([
  { frames: 'small', most: READ_BYTES },
  { frames: 'large', most: LARGE_READ_BYTES },
])('much that waits is read once a turn, and all of it comes in order: $frames frames', async ({ frames, most }) => {
  const { client, accepted } = await pair();
  const said = Buffer.alloc(4 * MIB);
  for (let i = 0; i < said.length; i += 4) said.writeUInt32LE(i, i);
  client.end(said);
  let turn = 0;
  let fullIn = -1;
  let often = 0;
  const got: Buffer[] = [];
  const next = (): void => {
    turn++;
    if (!accepted.readableEnded) setImmediate(next);
  };
  const take = (chunk: Uint8Array): void => {
    if (fullIn === turn) often++;
    // The first read is of the usual size: what comes is not known yet.
    if (chunk.length === (got.length === 0 ? READ_BYTES : most)) fullIn = turn;
    got.push(Buffer.from(chunk));
  };
  readAccepted(accepted, take, {
    isLarge: () => frames === 'large',
    isMany: () => false,
    lasting: () => undefined,
    isBehind: () => false,
  });
  accepted.resume();
  next();
  await once(accepted, 'end');
  expect(Buffer.concat(got).equals(said)).toBe(true);
  expect(Math.max(...got.map((b) => b.length))).toBe(most);
  expect([fullIn > 0, often]).toEqual([true, 0]);
});

test('after pause nothing comes, also when the last read was full; after resume it goes on', async () => {
  const { client, accepted } = await pair();
  client.end(Buffer.alloc(4 * MIB, 1));
  let bytes = 0;
  let after = 0;
  const take = (chunk: Uint8Array): void => {
    bytes += chunk.length;
    if (accepted.isPaused()) after++;
    accepted.pause();
    setTimeout(() => accepted.resume(), 1);
  };
  readAccepted(accepted, take, {
    isLarge: () => false,
    isMany: () => false,
    lasting: () => undefined,
    isBehind: () => false,
  });
  accepted.resume();
  await once(accepted, 'end');
  expect(bytes).toBe(4 * MIB);
  expect(after).toBe(0);
});

describe('large frames', () => {
  const BODY = 100_000;
  const sender = new Uint8Array(32);
  writeName(sender, 0, '#c#alpha');

  interface Reading {
    readonly client: Socket;
    readonly accepted: Socket;
    readonly reader: FrameReader;
    bytes(): Buffer;
    /** Runs that are in memory that lasts. */
    readonly lasting: { runs: number };
  }

  /** A client whose frames are read; `late`: each chunk waits a while, as in the queue of a busy loop; `took`: after each chunk. */
  async function reading(late = false, took: (socket: Socket) => void = () => undefined): Promise<Reading> {
    const { client, accepted } = await pair();
    client.on('error', () => undefined);
    const runs: Uint8Array[] = [];
    const queue: Uint8Array[] = [];
    const lasting = { runs: 0 };
    const reader = new FrameReader(
      { sender, maxMessageBytes: MIB },
      {
        run: (frames, _messages, lasts) => {
          runs.push(lasts ? frames : new Uint8Array(frames));
          if (lasts) lasting.runs++;
        },
        dropped: () => undefined,
      },
    );
    const handle = (chunk: Uint8Array): void => {
      reader.received(chunk, isLasting(chunk));
      took(accepted);
    };
    const serve = (): void => {
      handle(queue.shift()!);
      if (queue.length > 0) setImmediate(serve);
    };
    const wait = (chunk: Uint8Array): void => {
      queue.push(isLasting(chunk) ? chunk : new Uint8Array(chunk));
      if (queue.length === 1) setImmediate(() => setImmediate(serve));
    };
    readAccepted(accepted, late ? wait : handle, {
      isLarge: () => true,
      isMany: () => false,
      lasting: () => (reader.wantsLasting ? reader : undefined),
      isBehind: () => queue.length > 0,
    });
    accepted.resume();
    return { client, accepted, reader, bytes: () => Buffer.concat(runs), lasting };
  }

  const said = (seed: number, frames: number): Buffer =>
    Buffer.concat(
      Array.from({ length: frames }, (_, i) =>
        buildFrame({
          service: Service.AGREED,
          sender: '#c#alpha',
          groups: ['g'],
          body: new Uint8Array(BODY).fill(seed + i),
        }),
      ),
    );

  async function until(done: () => boolean): Promise<void> {
    while (!done()) await turn();
  }

  /** Says all, ends, and waits until all was handled. */
  async function says(r: Reading, bytes: Buffer, whole = bytes): Promise<void> {
    r.client.end(bytes);
    await until(() => r.bytes().length === whole.length);
    expect(Buffer.compare(r.bytes(), whole)).toBe(0);
  }

  /** Clients of which each has a slab: they are within a frame. */
  async function holders(many: number, took?: (socket: Socket) => void): Promise<Reading[]> {
    const all: Reading[] = [];
    for (let i = 0; i < many; i++) {
      const r = await reading(false, took);
      r.client.write(said(i, 1).subarray(0, 1000));
      await until(() => r.reader.heldBytes === 1000);
      all.push(r);
    }
    return all;
  }

  async function gone(all: readonly Reading[]): Promise<void> {
    for (const { accepted } of all) accepted.destroy();
    await until(() => all.every(({ accepted }) => accepted.closed));
  }

  test('lie where they were read, and are never written again; where all slabs are taken they are copied', async () => {
    const all = await holders(MOST_LANES);
    const copied = await reading();
    await says(copied, said(100, 60));
    expect(copied.lasting.runs).toBe(0);
    await Promise.all(
      all.map((r, i) =>
        says(
          r,
          Buffer.concat([said(i, 1).subarray(1000), said(i + 1, 60)]),
          Buffer.concat([said(i, 1), said(i + 1, 60)]),
        ),
      ),
    );
    for (const r of all) expect(r.lasting.runs).toBeGreaterThan(0);
    await gone([...all, copied]);
  });

  test('of who was behind all the time do, too', async () => {
    const r = await reading(true);
    await says(r, said(1, 100));
    expect(r.lasting.runs).toBeGreaterThan(0);
    await gone([r]);
  });

  const cutOff = (socket: Socket): void => {
    if (socket.bytesRead > 1000) socket.destroy();
  };

  test.each([
    { how: 'from outside', took: undefined },
    { how: 'while a chunk is handed up', took: cutOff },
  ])('a slab comes back from a client that is cut off within a frame, $how', async ({ took }) => {
    const all = await holders(MOST_LANES, took);
    if (took === undefined) all[0]!.accepted.destroy();
    else all[0]!.client.write(Buffer.alloc(500));
    await until(() => all[0]!.accepted.closed);
    const next = await reading();
    await says(next, said(9, 60));
    expect(next.lasting.runs).toBeGreaterThan(0);
    await gone([...all, next]);
  });
});

describe('where cores are short', () => {
  afterEach(() => void jest.useRealTimers());

  test.each([
    { short: true, many: true, rests: true },
    { short: false, many: true, rests: false },
    { short: true, many: false, rests: false },
  ])('who sends many messages rests between reads: short $short, many $many', async ({ short, many, rests }) => {
    const { client, accepted } = await pair();
    jest.useFakeTimers({ now: 0, doNotFake: ['setImmediate', 'performance', 'nextTick', 'queueMicrotask'] });
    let bytes = 0;
    let rested = 0;
    readAccepted(
      accepted,
      (chunk) => (bytes += chunk.length),
      { isLarge: () => false, isMany: () => many, lasting: () => undefined, isBehind: () => false },
      { short: () => short, rested: () => rested++ },
    );
    accepted.resume();
    client.write(Buffer.alloc(1000));
    while (bytes < 1000) await turn();
    client.write(Buffer.alloc(1000));
    if (rests) for (let i = 0; i < 100; i++) await turn();
    else while (bytes < 2000) await turn();
    expect(bytes).toBe(rests ? 1000 : 2000);
    expect(rested).toBe(rests ? 1 : 0);
    jest.advanceTimersByTime(1);
    while (bytes < 2000) await turn();
    // Who is paused meanwhile stays so.
    accepted.pause();
    jest.advanceTimersByTime(1);
    client.write(Buffer.alloc(1000));
    for (let i = 0; i < 100; i++) await turn();
    expect(bytes).toBe(2000);
    accepted.resume();
    while (bytes < 3000) await turn();
    // None may be left resting: the timer ends with the test.
    jest.advanceTimersByTime(1);
  });

  // What is much depends on what a socket can hold.
  test.each([
    { over: 'tcp', much: 60_000, rests: true },
    { over: 'tcp', much: 100_000, rests: false },
    { over: 'unix', much: 40_000, rests: true },
    { over: 'unix', much: 60_000, rests: false },
  ])('but not who brought much at once: $much bytes over $over, rests $rests', async ({ over, much, rests }) => {
    const folder = mkdtempSync(join(tmpdir(), 'peal-accepted-'));
    const { client, accepted } = await pair(over === 'unix' ? join(folder, 's') : undefined);
    rmSync(folder, { recursive: true });
    jest.useFakeTimers({ now: 0, doNotFake: ['setImmediate', 'performance', 'nextTick', 'queueMicrotask'] });
    let bytes = 0;
    const stream = { isLarge: () => false, isMany: () => true, lasting: () => undefined, isBehind: () => false };
    readAccepted(accepted, (chunk) => (bytes += chunk.length), stream, { short: () => true, rested: () => undefined });
    accepted.resume();
    // All of it is there before the next poll reads.
    client.write(Buffer.alloc(much));
    while (bytes < much) await turn();
    client.write(Buffer.alloc(1000));
    if (rests) for (let i = 0; i < 100; i++) await turn();
    else while (bytes < much + 1000) await turn();
    expect(bytes).toBe(rests ? much : much + 1000);
    jest.advanceTimersByTime(1);
    while (bytes < much + 1000) await turn();
    jest.advanceTimersByTime(1);
  });
});

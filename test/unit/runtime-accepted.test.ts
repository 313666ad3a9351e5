// How accepted sockets are read (core/plugin/accepted.ts), on real ones: in order, once a turn, and not while paused.
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
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

/** Both ends of a connection; nobody reads the accepted one yet. */
async function pair(): Promise<{ client: Socket; accepted: Socket }> {
  const server = createServer({ allowHalfOpen: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
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
  readAccepted(accepted, take, { isLarge: () => frames === 'large', isMany: () => false, lasting: () => undefined });
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
  readAccepted(accepted, take, { isLarge: () => false, isMany: () => false, lasting: () => undefined });
  accepted.resume();
  await once(accepted, 'end');
  expect(bytes).toBe(4 * MIB);
  expect(after).toBe(0);
});

describe('large frames', () => {
  const BODY = 100_000;
  const sender = new Uint8Array(32);
  writeName(sender, 0, '#c#alpha');

  /** Reads what a client sends; `runs` as they are handed on, `lasting` how many of them are in memory that lasts. */
  function reading(accepted: Socket) {
    const runs: Uint8Array[] = [];
    let lasting = 0;
    const reader = new FrameReader(
      { sender, maxMessageBytes: MIB },
      {
        run: (frames, _messages, lasts) => {
          runs.push(lasts ? frames : new Uint8Array(frames));
          if (lasts) lasting++;
        },
        dropped: () => undefined,
      },
    );
    const stream = {
      isLarge: () => true,
      isMany: () => false,
      lasting: () => (reader.wantsLasting ? reader : undefined),
    };
    readAccepted(accepted, (chunk) => reader.received(chunk, isLasting(chunk)), stream);
    accepted.resume();
    return { bytes: () => Buffer.concat(runs), lasting: () => lasting };
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

  test('of as many clients as there are slabs lie where they were read and are never written again; those of the others are copied', async () => {
    const all = await Promise.all(Array.from({ length: MOST_LANES + 1 }, () => pair()));
    const readers = all.map(({ accepted }) => reading(accepted));
    // Each of them first has a part of a frame, so that all want a slab at the same time.
    for (const [i, { client }] of all.entries()) client.write(said(i, 1).subarray(0, 1000));
    await new Promise((resolve) => setTimeout(resolve, 50));
    for (const [i, { client }] of all.entries())
      client.end(Buffer.concat([said(i, 1).subarray(1000), said(i + 1, 60)]));
    await Promise.all(all.map(({ accepted }) => once(accepted, 'end')));
    for (const [i, r] of readers.entries())
      expect(Buffer.compare(r.bytes(), Buffer.concat([said(i, 1), said(i + 1, 60)]))).toBe(0);
    expect(readers.map((r) => r.lasting() > 0)).toEqual([...Array.from({ length: MOST_LANES }, () => true), false]);
    // A slab that its client left is there for the next.
    for (const { accepted } of all) accepted.destroy();
    for (const { accepted } of all) if (!accepted.closed) await once(accepted, 'close');
    const { client, accepted } = await pair();
    const last = reading(accepted);
    client.end(said(9, 40));
    await once(accepted, 'end');
    expect(Buffer.compare(last.bytes(), said(9, 40))).toBe(0);
    expect(last.lasting()).toBeGreaterThan(0);
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
    readAccepted(
      accepted,
      (chunk) => (bytes += chunk.length),
      { isLarge: () => false, isMany: () => many, lasting: () => undefined },
      { at: () => short },
    );
    accepted.resume();
    client.write(Buffer.alloc(1000));
    while (bytes < 1000) await turn();
    client.write(Buffer.alloc(1000));
    if (rests) for (let i = 0; i < 100; i++) await turn();
    else while (bytes < 2000) await turn();
    expect(bytes).toBe(rests ? 1000 : 2000);
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
});

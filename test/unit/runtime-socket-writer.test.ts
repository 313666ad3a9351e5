// Writes past Node's stream (core/plugin/socket-writer.ts), on real sockets: order, 'drain' and errors as the stream has them,
// and the stream's way where Node offers no other.
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { SocketWriter, type StreamWrap } from '../../core/plugin/socket-writer.js';

const MIB = 1024 * 1024;
const binding = (process as unknown as { binding(name: string): StreamWrap }).binding('stream_wrap');
const open: Socket[] = [];

afterEach(() => {
  for (const socket of open.splice(0)) socket.destroy();
});

/** A writer on the accepted end of a connection, which reads nothing, and the other end, which does not before `resume`. */
async function pair(wrap: StreamWrap | null): Promise<{ reader: Socket; socket: Socket; writer: SocketWriter }> {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const reader = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [socket] = (await once(server, 'connection')) as [Socket];
  server.close();
  open.push(reader, socket);
  reader.pause();
  return { reader, socket, writer: new SocketWriter(socket, wrap) };
}

/** Numbers from `from` on, four bytes each. */
function numbers(from: number, bytes: number): Buffer {
  const b = Buffer.alloc(bytes);
  for (let i = 0; i < bytes; i += 4) b.writeUInt32LE(from + i / 4, i);
  return b;
}

/** Writes until the system takes no more; answers the bytes. */
function fill(writer: SocketWriter): number {
  let bytes = 0;
  for (let more = true; more || writer.waiting === 0; bytes += MIB) more = writer.write([Buffer.alloc(MIB)]);
  return bytes;
}

async function readAll(reader: Socket): Promise<Buffer> {
  const got: Buffer[] = [];
  reader.on('data', (chunk: Buffer) => got.push(chunk));
  reader.resume();
  await once(reader, 'end');
  return Buffer.concat(got);
}

describe.each([
  { way: 'past the stream', wrap: binding },
  { way: 'through the stream', wrap: null },
])('$way', ({ wrap }) => {
  test('what the system takes at once waits nowhere', async () => {
    const { reader, socket, writer } = await pair(wrap);
    expect(writer.write([Buffer.from('one ')])).toBe(true);
    expect(writer.write([Buffer.from('two '), Buffer.from('three')])).toBe(true);
    expect(writer.waiting).toBe(0);
    socket.end();
    expect((await readAll(reader)).toString()).toBe('one two three');
  });

  test('all comes in order, however the writer is refused, mixed with writes to the socket', async () => {
    const { reader, socket, writer } = await pair(wrap);
    let at = 0;
    const next = (bytes: number): Buffer => numbers((at += bytes) / 4 - bytes / 4, bytes);
    const read = readAll(reader);
    for (let i = 0; i < 40; i++) {
      let more = writer.write([next(4), next(300_000), next(8)]);
      if (i % 3 === 0) more = socket.write(next(40_000)) && more;
      if (i % 5 === 0) more = writer.write([next(12)]) && more;
      // The stream refuses by its own mark, also what the system took at once.
      if (wrap !== null) expect(writer.waiting > 0 || more).toBe(true);
      if (i % 4 === 0 && !more) await once(socket, 'drain');
    }
    socket.end();
    expect((await read).equals(numbers(0, at))).toBe(true);
    expect(writer.waiting).toBe(0);
  });

  test('false: the bytes wait, and one drain tells that none does', async () => {
    const { reader, socket, writer } = await pair(wrap);
    const bytes = fill(writer);
    expect(writer.waiting).toBeGreaterThan(0);
    let drains = 0;
    socket.on('drain', () => {
      drains++;
      expect(writer.waiting).toBe(0);
    });
    await sleep(20);
    expect(drains).toBe(0);
    let got = 0;
    reader.on('data', (chunk: Buffer) => (got += chunk.length));
    reader.resume();
    while (got < bytes) await once(reader, 'data');
    await sleep(20);
    expect([got, drains]).toEqual([bytes, 1]);
  });

  test('after the end of the socket no drain, and what waited comes all the same', async () => {
    const { reader, socket, writer } = await pair(wrap);
    const bytes = fill(writer);
    let drains = 0;
    socket.on('drain', () => drains++);
    socket.end();
    expect((await readAll(reader)).length).toBe(bytes);
    await sleep(5);
    expect(drains).toBe(0);
  });

  test('a reader that is gone: an error and the end, while bytes wait and after', async () => {
    const { reader, socket, writer } = await pair(wrap);
    fill(writer);
    const error = once(socket, 'error') as Promise<[NodeJS.ErrnoException]>;
    const closed = new Promise((resolve) => socket.once('close', resolve));
    reader.resetAndDestroy();
    expect((await error)[0].code).toMatch(/^(ECONNRESET|EPIPE)$/);
    await closed;
    expect(writer.write([Buffer.alloc(10)])).toBe(true);
  });

  test('a socket that does not end by itself stays open after a failed write', async () => {
    const { reader, socket, writer } = await pair(wrap);
    (socket as unknown as { _writableState: { autoDestroy: boolean } })._writableState.autoDestroy = false;
    (socket as unknown as { _readableState: { autoDestroy: boolean } })._readableState.autoDestroy = false;
    fill(writer);
    const error = once(socket, 'error');
    reader.resetAndDestroy();
    await error;
    expect(socket.destroyed).toBe(false);
  });

  test('destroyed with bytes that wait: no event but close', async () => {
    const { socket, writer } = await pair(wrap);
    fill(writer);
    const seen: string[] = [];
    for (const event of ['drain', 'error']) socket.on(event, () => seen.push(event));
    socket.destroy();
    await once(socket, 'close');
    await sleep(5);
    expect(seen).toEqual([]);
  });
});

test('this Node offers the way past the stream, which is the usual one', async () => {
  expect(typeof binding.WriteWrap).toBe('function');
  const { socket } = await pair(null);
  const streamed = jest.spyOn(socket, 'write');
  new SocketWriter(socket, null).write([Buffer.from('a')]);
  expect(streamed).toHaveBeenCalledTimes(1);
  new SocketWriter(socket).write([Buffer.from('b')]);
  expect(streamed).toHaveBeenCalledTimes(1);
});

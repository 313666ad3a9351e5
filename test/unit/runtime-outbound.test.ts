// The output queue of a session: one write per tick, slow-reader policies, memory kept, storage in between; then the
// same on a real socket.
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import type { Bytes } from '../../core/machine/types.js';
import { Outbound, OUTBOUND_DEFAULTS, socketPort } from '../../core/plugin/outbound/index.js';
import { BLOCK_CHECK_MS, LARGEST_QUEUE_BYTES } from '../../core/plugin/outbound/policy.js';
import type { OutboundHost, OutboundOptions, OutboundPort } from '../../core/plugin/outbound/policy.js';
import type { AppendLog, LogRecord } from '../../core/plugin/storage.js';
import { quiet, type World } from './runtime-world.js';

/** Takes everything until told to be stuck; what it took while stuck is pending until `release`. */
class FakePort implements OutboundPort {
  readonly writes: string[] = [];
  readonly buffers: Bytes[] = [];
  stuck = false;
  held = 0;
  private drained: () => void = () => undefined;

  write(chunks: readonly Bytes[]): boolean {
    this.writes.push(chunks.map((c) => Buffer.from(c).toString('latin1')).join('|'));
    this.buffers.push(...chunks);
    if (!this.stuck) return true;
    this.held += chunks.reduce((n, c) => n + c.length, 0);
    return false;
  }
  pending(): number {
    return this.held;
  }
  onDrain(drained: () => void): void {
    this.drained = drained;
  }
  /** The far end has read all; it stays stuck for the next write if `again`. */
  release(again = false): void {
    this.stuck = again;
    this.held = 0;
    this.drained();
  }
}

class MemoryLog implements AppendLog {
  records: LogRecord[] = [];
  next = 1;
  fail: Error | undefined;
  append(record: Bytes): Promise<number> {
    if (this.fail !== undefined) return Promise.reject(this.fail);
    this.records.push({ number: this.next, bytes: record });
    return Promise.resolve(this.next++);
  }
  read(from: number, maxBytes: number): Promise<readonly LogRecord[]> {
    let bytes = 0;
    const out: LogRecord[] = [];
    for (const r of this.records.filter((each) => each.number >= from)) {
      if (out.length > 0 && bytes + r.bytes.length > maxBytes) break;
      bytes += r.bytes.length;
      out.push(r);
    }
    return Promise.resolve(out);
  }
  trim(upTo: number): Promise<void> {
    this.records = this.records.filter((r) => r.number > upTo);
    return Promise.resolve();
  }
  bounds(): { first: number; next: number } {
    return { first: this.records[0]?.number ?? this.next, next: this.next };
  }
  drop(): Promise<void> {
    this.records = [];
    return Promise.resolve();
  }
}

class Rig {
  readonly world: World = quiet();
  readonly port = new FakePort();
  readonly log = new MemoryLog();
  readonly said: string[] = [];
  sendBlocked = false;
  readonly out: Outbound;

  constructor(options: Partial<OutboundOptions>) {
    this.out = new Outbound(this.port, this.host(), { ...OUTBOUND_DEFAULTS, ...options });
  }

  host(): OutboundHost {
    return {
      loop: this.world.loop,
      name: 'client.test',
      congested: (on) => this.said.push(on ? 'congested' : 'free'),
      sendBlocked: () => this.sendBlocked,
      kick: (reason, detail) => this.said.push(`kick ${reason}: ${detail}`),
      notice: (what) => this.said.push(what),
      spill: () => this.log,
    };
  }

  /** One tick that delivers each text as a run of one message. */
  tick(...texts: string[]): void {
    for (const text of texts) this.out.deliver(Buffer.from(text), 1);
    this.out.flush();
  }

  /** The socket is full from here on: one write more is taken, and held. */
  stick(): void {
    this.port.stuck = true;
    this.tick('x');
  }

  get written(): string {
    return this.port.writes.join('').replaceAll('|', '');
  }
}

async function settled(done: () => boolean): Promise<void> {
  for (let i = 0; i < 1000 && !done(); i++) await Promise.resolve();
  expect(done()).toBe(true);
}

describe('the usual way', () => {
  test('one write at the end of the tick, small ones joined in a buffer of their own', () => {
    const rig = new Rig({});
    const slab = Buffer.alloc(1 << 20, 'a');
    rig.out.deliver(slab.subarray(0, 3), 1);
    rig.out.deliver(slab.subarray(9, 12), 1);
    expect(rig.port.writes).toEqual([]);
    rig.out.flush();
    rig.out.flush();
    expect(rig.port.writes).toEqual(['aaaaaa']);
    expect(rig.port.buffers[0]!.buffer.byteLength).toBeLessThan(slab.length);
  });

  test('large runs go as they are', () => {
    const rig = new Rig({});
    const slab = Buffer.alloc(1 << 20, 'a');
    rig.out.deliver(slab.subarray(0, 5000), 5);
    rig.out.deliver(slab.subarray(9000, 90000), 5);
    rig.out.flush();
    expect(rig.port.buffers.map((b) => b.buffer)).toEqual([slab.buffer, slab.buffer]);
  });

  test('what waits is copied out of its slab, written in order after a drain', () => {
    const rig = new Rig({});
    rig.stick();
    const slab = Buffer.alloc(1 << 20, 'b');
    for (let i = 0; i < 10; i++) {
      rig.out.deliver(slab.subarray(i, i + 2), 1);
      rig.out.flush();
    }
    expect(rig.out.info()).toMatchObject({ waitingMessages: 11, waitingBytes: 21, peakMessages: 11 });
    slab.fill('z');
    rig.port.release();
    expect(rig.written).toBe(`x${'bb'.repeat(10)}`);
    expect(rig.out.info()).toMatchObject({ waitingMessages: 0, waitingBytes: 0 });
    rig.tick('c');
    expect(rig.port.writes.at(-1)).toBe('c');
  });

  test('what waits in large slices stays in its slab, unless that would keep much besides', () => {
    const rig = new Rig({});
    rig.stick();
    const MIB = 1024 * 1024;
    const slab = Buffer.alloc(MIB, 'x');
    rig.out.deliver(slab.subarray(0, 10_000), 1);
    rig.out.deliver(slab.subarray(10_000, 20_000), 1);
    rig.out.flush();
    expect(rig.out.info()).toMatchObject({ waitingMessages: 3, waitingBytes: 20_001 });
    // One slice of each of ten slabs: 8 MiB of slabs and twice what waits are kept, the first among them; the rest is copied.
    const slabs = Array.from({ length: 10 }, (_, i) => Buffer.alloc(MIB, `${i}`));
    for (const s of slabs) {
      rig.out.deliver(s.subarray(0, 50_000), 1);
      rig.out.flush();
    }
    rig.port.release();
    const [, ...later] = rig.port.buffers;
    const of = (buffer: ArrayBufferLike): number => later.filter((b) => b.buffer === buffer).length;
    expect(of(slab.buffer)).toBe(2);
    expect(slabs.filter((s) => of(s.buffer) === 1)).toHaveLength(7);
    expect(Buffer.concat(later)).toEqual(
      Buffer.concat([slab.subarray(0, 20_000), ...slabs.map((s) => s.subarray(0, 50_000))]),
    );
    expect(rig.out.info()).toMatchObject({ waitingMessages: 0, waitingBytes: 0 });
  });

  test('a socket that has taken all before its drain is told needs no queue', () => {
    const rig = new Rig({});
    rig.stick();
    rig.port.stuck = false;
    rig.port.held = 0;
    rig.tick('y');
    expect(rig.port.writes).toEqual(['x', 'y']);
  });

  test('nothing is written after the end', () => {
    const rig = new Rig({});
    rig.stick();
    rig.tick('y');
    rig.out.close();
    rig.out.close();
    rig.port.release();
    rig.tick('z');
    expect(rig.port.writes).toEqual(['x']);
  });
});

describe('kick', () => {
  test('the message that finds the limit waiting kicks; partly sent counts as one', () => {
    const rig = new Rig({ limitMessages: 10 });
    rig.stick();
    for (let i = 0; i < 9; i++) rig.tick('m');
    expect(rig.said).toEqual([]);
    rig.tick('m');
    expect(rig.said).toEqual(['kick not-reading: 11 messages with 11 bytes wait']);
    rig.port.release();
    expect(rig.port.writes).toEqual(['x']);
  });

  test('a burst in one tick counts its messages', () => {
    const rig = new Rig({ limitMessages: 10 });
    rig.stick();
    rig.out.deliver(Buffer.from('0123456789'), 10);
    rig.out.flush();
    expect(rig.said).toHaveLength(1);
  });

  test('a reader that keeps up is never kicked, however large a tick', () => {
    const rig = new Rig({ limitMessages: 10 });
    for (let i = 0; i < 5; i++) {
      rig.out.deliver(Buffer.alloc(5000), 500);
      rig.out.flush();
    }
    expect(rig.said).toEqual([]);
  });

  test('by bytes', () => {
    const rig = new Rig({ limitMessages: 0, limitBytes: 100 });
    rig.stick();
    rig.tick('m'.repeat(99));
    expect(rig.said).toEqual([]);
    rig.tick('m');
    expect(rig.said).toHaveLength(1);
  });

  test('no options allow a queue without an end', () => {
    const rig = new Rig({ limitMessages: 0, limitBytes: 0 });
    rig.stick();
    rig.port.held = LARGEST_QUEUE_BYTES;
    rig.tick('m');
    expect(rig.said).toHaveLength(1);
  });
});

describe('block', () => {
  const options = { policy: 'block', limitMessages: 10, blockLimitMs: 5000 } as const;

  test('above the limit everybody waits, until the queue is half empty', () => {
    const rig = new Rig(options);
    rig.stick();
    for (let i = 0; i < 12; i++) rig.tick(String(i % 10));
    expect(rig.said).toEqual(['congested', 'blocked']);
    rig.port.release(true);
    expect(rig.said).toEqual(['congested', 'blocked', 'free', 'relieved']);
    rig.port.release();
    expect(rig.written).toBe('x012345678901');
    rig.world.now = 10_000;
    rig.world.settle();
    expect(rig.said).toHaveLength(4);
  });

  test('after the limit of time it is a kick', () => {
    const rig = new Rig(options);
    rig.stick();
    for (let i = 0; i < 12; i++) rig.tick('m');
    for (; rig.world.now < 5000; rig.world.now += 500) rig.world.settle();
    rig.world.settle();
    expect(rig.said.slice(2)).toEqual(['free', 'kick not-reading: everybody waited 5000 ms for it, 13 messages wait']);
    expect(rig.world.loop.inQueue('client.test')).toBe(false);
  });

  test('a reader that is gone is waited for no longer, not even until its session ends', () => {
    const rig = new Rig(options);
    rig.stick();
    for (let i = 0; i < 12; i++) rig.tick('m');
    rig.out.close();
    rig.out.close();
    expect(rig.said).toEqual(['congested', 'blocked', 'free']);
    expect(rig.out.info().blocked).toBe(false);
  });

  test('a reader that is itself blocked in sending and takes nothing is kicked at once', () => {
    const rig = new Rig(options);
    rig.stick();
    for (let i = 0; i < 12; i++) rig.tick('m');
    rig.sendBlocked = true;
    rig.world.now = BLOCK_CHECK_MS;
    rig.world.settle();
    expect(rig.said.at(-1)).toMatch(/^kick not-reading: it reads nothing and is itself blocked in sending/);
  });
});

describe('spill', () => {
  const options = { policy: 'spill', limitMessages: 4 } as const;

  test('what is beyond the limit goes to storage and comes back in order', async () => {
    const rig = new Rig(options);
    rig.stick();
    for (const c of '0123456789') rig.tick(c);
    expect(rig.said).toEqual(['spilling']);
    expect(rig.out.info()).toMatchObject({ waitingMessages: 4, spilledMessages: 7 });
    expect(rig.log.records).toHaveLength(7);
    rig.port.release();
    rig.tick('a', 'b');
    expect(rig.written).toBe('x012');
    await settled(() => rig.written.length === 13);
    expect(rig.written).toBe('x0123456789ab');
    expect(rig.log.records).toEqual([]);
    rig.tick('c');
    expect(rig.port.writes.at(-1)).toBe('c');
    expect(rig.said).toEqual(['spilling', 'replayed']);
  });

  test('what is delivered while the storage is read keeps its place', async () => {
    const rig = new Rig(options);
    rig.stick();
    for (const c of '01234567') rig.tick(c);
    rig.port.release(true);
    rig.port.release(true);
    rig.tick('8');
    await Promise.resolve();
    rig.tick('9');
    rig.port.release(false);
    await settled(() => rig.written.length === 11);
    expect(rig.written).toBe('x0123456789');
  });

  test('records of a former life are not replayed', async () => {
    const rig = new Rig(options);
    await rig.log.append(Buffer.from('\x01\0\0\0old'));
    rig.stick();
    for (const c of '012345') rig.tick(c);
    rig.port.release();
    await settled(() => rig.written.length === 7);
    expect(rig.written).toBe('x012345');
  });

  test('storage that fails ends the session, never silently', async () => {
    const rig = new Rig(options);
    rig.log.fail = new Error('disk full');
    rig.stick();
    for (const c of '012345') rig.tick(c);
    await settled(() => rig.said.length > 1);
    expect(rig.said).toEqual(['spilling', 'kick error: spilling failed: disk full']);
  });

  test('the end forgets what was spilled', async () => {
    const rig = new Rig(options);
    rig.stick();
    for (const c of '01234567') rig.tick(c);
    rig.out.close();
    await settled(() => rig.log.records.length === 0);
  });
});

describe('on a socket', () => {
  const cleanup: (() => unknown)[] = [];
  afterEach(async () => {
    for (const fn of cleanup.splice(0).reverse()) await fn();
  });

  test('a reader that pauses and goes on gets everything in order; one that never reads is kicked', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'peal-outbound-'));
    cleanup.push(() => rm(dir, { recursive: true }));
    const server = createServer();
    server.listen(join(dir, 's'));
    await once(server, 'listening');
    cleanup.push(() => server.close());
    const client = connect(join(dir, 's'));
    const [socket] = (await once(server, 'connection')) as [Socket];
    cleanup.push(() => {
      client.destroy();
      socket.destroy();
    });

    const kicked: string[] = [];
    const world = quiet();
    const host: OutboundHost = {
      loop: world.loop,
      name: 'socket',
      congested: () => undefined,
      sendBlocked: () => false,
      kick: (reason) => {
        kicked.push(reason);
        socket.destroy();
      },
      notice: () => undefined,
    };
    const out = new Outbound(socketPort(socket), host, { ...OUTBOUND_DEFAULTS, limitMessages: 1000 });
    const message = Buffer.alloc(10_000);
    let sent = 0;
    const send = (): void => {
      message.writeUInt32LE(sent++, 0);
      out.deliver(Buffer.from(message), 1);
      out.flush();
    };
    client.pause();
    while (out.info().waitingMessages < 500) send();
    const received: Buffer[] = [];
    let bytes = 0;
    client.on('data', (chunk: Buffer) => {
      received.push(chunk);
      bytes += chunk.length;
    });
    const total = sent * message.length;
    client.resume();
    while (bytes < total) await once(client, 'data');
    const all = Buffer.concat(received);
    for (let i = 0; i < sent; i++) expect(all.readUInt32LE(i * message.length)).toBe(i);
    expect(out.info()).toMatchObject({ waitingMessages: 0, waitingBytes: 0 });

    client.pause();
    for (let i = 0; i < 100_000 && kicked.length === 0; i++) send();
    expect(kicked).toEqual(['not-reading']);
  });
});

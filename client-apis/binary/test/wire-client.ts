// A client of the binary protocol for tests: real sockets, bytes under the test's control, nothing shared with the code
// under test but the frame format.
import { createConnection } from 'node:net';
import type { Socket } from 'node:net';
import type { FrameEvent } from '../../../core/wire/event.js';
import { readEvents } from '../../../core/wire/event.js';
import {
  DATA_LENGTH_OFFSET,
  GROUPS_COUNT_OFFSET,
  HEADER_BYTES,
  NAME_BYTES,
  Service,
  buildFrame,
  readU32,
} from '../../../core/wire/frame.js';

/** A TCP port of loopback, or the path of a Unix socket. */
export type Where = number | string;

const CHOICE_BYTES = 90;

/** The 90 bytes that choose these methods. */
export function choice(...methods: string[]): Buffer {
  const b = Buffer.alloc(CHOICE_BYTES);
  methods.forEach((m, i) => b.write(m, i * 30, 'latin1'));
  return b;
}

/** The hello of a client of that version: major, minor and, from 3.15 on, patch. */
export function hello(name: string, version: readonly number[] = [4, 4, 0], flags = 1): Buffer {
  return Buffer.concat([Buffer.from([...version, flags, name.length]), Buffer.from(name, 'latin1')]);
}

/** Where an API's TCP listener is. */
export function tcpPort(addresses: readonly string[]): number {
  return Number(/:(\d+)$/.exec(addresses[0] ?? '')?.[1]);
}

/** A socket whose bytes are taken one length at a time. */
export class RawClient {
  readonly socket: Socket;
  /** The connection was reset rather than closed. */
  reset = false;
  private received: Buffer[] = [];
  private length = 0;
  private closed = false;
  private wake: (() => void) | undefined;

  constructor(where: Where) {
    this.socket = typeof where === 'number' ? createConnection(where, '127.0.0.1') : createConnection(where);
    this.socket.setNoDelay(true);
    this.socket.on('data', (chunk: Buffer) => {
      this.received.push(chunk);
      this.length += chunk.length;
      this.wake?.();
    });
    this.socket.on('error', () => (this.reset = true));
    this.socket.on('end', () => this.over());
    this.socket.on('close', () => this.over());
  }

  private over(): void {
    this.closed = true;
    this.wake?.();
  }

  /** Resolves when it is connected; rejects when it is refused. */
  connected(): Promise<this> {
    return new Promise((resolve, reject) => {
      this.socket.once('connect', () => resolve(this));
      this.socket.once('error', reject);
    });
  }

  write(...parts: Uint8Array[]): Promise<void> {
    const all = Buffer.concat(parts);
    return new Promise((resolve, reject) => {
      this.socket.write(all, (error) => {
        if (error === null || error === undefined) resolve();
        else reject(error);
      });
    });
  }

  /** Exactly that many bytes; fewer when the connection ends before. */
  async read(bytes: number): Promise<Buffer> {
    while (this.length < bytes && !this.closed) await new Promise<void>((resolve) => (this.wake = resolve));
    const all = Buffer.concat(this.received);
    const taken = all.subarray(0, bytes);
    this.received = [all.subarray(taken.length)];
    this.length = all.length - taken.length;
    return taken;
  }

  /** All that comes up to the end of the connection. */
  async rest(): Promise<Buffer> {
    for (;;) {
      if (this.closed) return await this.read(this.length);
      await new Promise<void>((resolve) => (this.wake = resolve));
    }
  }

  /** The next frame, whole; undefined when the connection ends, be it in the middle of one. */
  async frame(): Promise<Buffer | undefined> {
    const header = await this.read(HEADER_BYTES);
    if (header.length < HEADER_BYTES) return undefined;
    const more = NAME_BYTES * readU32(header, GROUPS_COUNT_OFFSET) + readU32(header, DATA_LENGTH_OFFSET);
    const rest = await this.read(more);
    return rest.length < more ? undefined : Buffer.concat([header, rest]);
  }

  destroy(): void {
    this.socket.destroy();
  }
}

export interface WireOptions {
  readonly version?: readonly number[];
  readonly flags?: number;
}

/** A client that has gone through the handshake. */
export class WireClient extends RawClient {
  privateGroup = '';

  /** Rejects with the reject code as message, or `closed`. */
  static async connect(where: Where, name: string, o: WireOptions = {}): Promise<WireClient> {
    const client = new WireClient(where);
    try {
      await client.connected();
      await client.shake(name, o);
      return client;
    } catch (error) {
      client.destroy();
      throw error;
    }
  }

  private async shake(name: string, { version = [4, 4, 0], flags = 1 }: WireOptions): Promise<void> {
    await this.write(hello(name, version, flags));
    const withAuth = version[0]! > 3 || version[1]! >= 16;
    if (withAuth) {
      const length = await this.byte();
      if (length >= 0x80) throw new Error(String((length << 24) >> 24));
      await this.read(length);
      await this.write(choice('NULL'));
    }
    const answer = await this.byte();
    if (answer !== 1) throw new Error(String((answer << 24) >> 24));
    await this.read(version.length);
    this.privateGroup = (await this.read(await this.byte())).toString('latin1');
  }

  private async byte(): Promise<number> {
    const [byte] = await this.read(1);
    if (byte === undefined) throw new Error('closed');
    return byte;
  }

  join(group: string): Promise<void> {
    return this.send(Service.JOIN, [group]);
  }

  leave(group: string): Promise<void> {
    return this.send(Service.LEAVE, [group]);
  }

  kill(): Promise<void> {
    return this.send(Service.KILL, [this.privateGroup]);
  }

  multicast(groups: readonly string[], body: Uint8Array, service: number = Service.AGREED, type = 0): Promise<void> {
    return this.send(service, groups, body, type);
  }

  send(service: number, groups: readonly string[], body?: Uint8Array, type = 0): Promise<void> {
    const parts = { service, sender: this.privateGroup, groups, type };
    return this.write(buildFrame(body === undefined ? parts : { ...parts, body }));
  }

  /** The next frame as an event; undefined when the connection is over. */
  async event(): Promise<FrameEvent | undefined> {
    const frame = await this.frame();
    return frame === undefined ? undefined : readEvents(frame)?.[0];
  }
}

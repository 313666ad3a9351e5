// One load process: a client of Spread's binary protocol that writes prepared frames in large blocks and counts what it
// receives by walking headers, so that the generator is not what is measured. Works against any Spread daemon.
// Started by bench/throughput.ts with one JSON argument; prints JSON lines on standard output.
import type { Socket } from 'node:net';
import { buildFrame, frameService, readName, SENDER_OFFSET, Service } from '../core/wire/frame.js';
import { RawClient } from './raw-client.js';

export interface LoadOrder {
  readonly host: string;
  readonly port: number;
  readonly name: string;
  readonly group: string;
  /** Messages to send; 0: receive only. */
  readonly count: number;
  readonly bytes: number;
  readonly service: number;
  /** Members to wait for before the start. */
  readonly members: number;
  /** Messages of all senders together. */
  readonly expect: number;
  /** Own messages sent and not yet received. */
  readonly window: number;
  /** Messages in one write. */
  readonly block: number;
  /** A run that takes longer has failed, ms; default 120,000. 0: it goes on until somebody ends it. */
  readonly limitMs?: number;
  /** Tell the messages received so far every that many ms, as lines `{"event":"count","received":n}`; 0 or absent: never. */
  readonly tellMs?: number;
}

/** A run that takes longer than this has failed. */
const LIMIT_MS = 120_000;
const WRITE_AHEAD_BYTES = 1 << 20;

class LoadClient {
  private readonly raw: RawClient;
  private readonly socket: Socket;
  private readonly own = Buffer.alloc(32);
  private sent = 0;
  private back = 0;
  private received = 0;
  private started = 0;
  private first = 0;
  private block: Buffer = Buffer.alloc(0);
  private frame = 0;
  private going = false;

  constructor(private readonly o: LoadOrder) {
    this.raw = new RawClient(o, {
      ready: (self) => this.ready(self),
      frame: (bytes, at) => this.take(bytes, at),
      chunk: () => this.pump(),
      failed: (why) => this.fail(why),
    });
    this.socket = this.raw.socket;
    this.socket.on('drain', () => this.pump());
    const limitMs = o.limitMs ?? LIMIT_MS;
    const late = (): void =>
      this.fail(`not done after ${limitMs} ms: sent ${this.sent}, received ${this.received} of ${o.expect}`);
    if (limitMs > 0) setTimeout(late, limitMs).unref();
    if ((o.tellMs ?? 0) > 0)
      setInterval(() => console.log(JSON.stringify({ event: 'count', received: this.received })), o.tellMs).unref();
  }

  private fail(why: string): never {
    console.log(JSON.stringify({ event: 'failed', name: this.o.name, why }));
    process.exit(1);
  }

  private ready(self: string): void {
    this.own.write(self, 'latin1');
    this.prepare(self);
    this.socket.write(buildFrame({ service: Service.JOIN, sender: self, groups: [this.o.group] }));
  }

  private prepare(self: string): void {
    const { service, group, bytes, block } = this.o;
    const frame = buildFrame({ service, sender: self, groups: [group], body: new Uint8Array(bytes) });
    this.frame = frame.length;
    this.block = Buffer.concat(Array.from({ length: block }, () => frame));
  }

  private take(b: Buffer, at: number): void {
    const service = frameService(b, at);
    if ((service & Service.REGULAR) === 0) {
      const ours = (service & Service.REG_MEMB) !== 0 && readName(b, at + SENDER_OFFSET) === this.o.group;
      if (ours && b.readUInt32LE(at + 36) >= this.o.members) this.begin();
      return;
    }
    if (this.received === 0) this.first = performance.now();
    this.received++;
    if (this.o.count > 0 && b.compare(this.own, 0, 32, at + SENDER_OFFSET, at + SENDER_OFFSET + 32) === 0) this.back++;
    if (this.received === this.o.expect) this.done();
  }

  private begin(): void {
    if (this.going) return;
    this.going = true;
    this.started = performance.now();
  }

  private pump(): void {
    if (!this.going) return;
    while (this.sent < this.o.count && this.socket.writableLength < WRITE_AHEAD_BYTES) {
      const n = Math.min(this.o.block, this.o.count - this.sent, this.o.window - (this.sent - this.back));
      // Whole blocks only, but for the last: small writes would measure the writer.
      if (n <= 0 || (n < this.o.block && this.sent + n < this.o.count)) return;
      this.sent += n;
      this.socket.write(n === this.o.block ? this.block : this.block.subarray(0, n * this.frame));
    }
  }

  private done(): void {
    const now = performance.now();
    const { name, expect, bytes } = this.o;
    const seconds = (now - (this.o.count > 0 ? this.started : this.first)) / 1000;
    console.log(JSON.stringify({ event: 'done', name, messages: expect, bytes, seconds }));
    this.raw.end(() => process.exit(0));
  }
}

new LoadClient(JSON.parse(process.argv[2]!) as LoadOrder);

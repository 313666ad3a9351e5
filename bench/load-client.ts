// One load process: it writes prepared messages in large blocks and counts what it receives by walking headers, so that
// the generator is not what is measured. Works against any system of client-wire.ts. Started with one JSON argument; prints JSON
// lines on standard output.
import { connectWire, type Wire, type WireAddress } from './client-wire.js';

export interface LoadOrder extends WireAddress {
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
  /** Sessions of this process, all in the group; only the first sends. Default 1. */
  readonly sessions?: number;
  /** A run that takes longer has failed, ms; default 120,000. 0: it goes on until somebody ends it. */
  readonly limitMs?: number;
  /** Tell the messages received so far every that many ms, as lines `{"event":"count","received":n}`; 0 or absent: never. */
  readonly tellMs?: number;
}

/** A run that takes longer than this has failed. */
const LIMIT_MS = 120_000;
const WRITE_AHEAD_BYTES = 1 << 20;

const o = JSON.parse(process.argv[2]!) as LoadOrder;

function fail(why: string): never {
  console.log(JSON.stringify({ event: 'failed', name: o.name, why }));
  process.exit(1);
}

class LoadClient {
  received = 0;
  readonly wire: Wire;
  private sent = 0;
  private back = 0;
  private started = 0;
  private first = 0;
  private block: Buffer = Buffer.alloc(0);
  private going = false;

  constructor(
    name: string,
    private readonly count: number,
    private readonly done: (seconds: number) => void,
  ) {
    this.wire = connectWire(
      { ...o, name },
      {
        ready: () => this.ready(),
        members: (n) => {
          if (n >= o.members) this.begin();
        },
        message: (own) => this.take(own),
        chunk: () => this.pump(),
        failed: fail,
      },
    );
    this.wire.socket.on('drain', () => this.pump());
  }

  private ready(): void {
    const message = this.wire.message(new Uint8Array(o.bytes), o.service);
    if (this.count > 0) this.block = Buffer.concat(Array.from({ length: o.block }, () => message));
    this.wire.join();
  }

  private take(own: boolean): void {
    if (this.received === 0) this.first = performance.now();
    this.received++;
    if (own) this.back++;
    if (this.received === o.expect)
      this.done((performance.now() - (this.count > 0 ? this.started : this.first)) / 1000);
  }

  private begin(): void {
    if (this.going) return;
    this.going = true;
    this.started = performance.now();
  }

  private pump(): void {
    if (!this.going) return;
    while (this.sent < this.count && this.wire.socket.writableLength < WRITE_AHEAD_BYTES) {
      const n = Math.min(o.block, this.count - this.sent, o.window - (this.sent - this.back));
      // Whole blocks only, but for the last: small writes would measure the writer.
      if (n <= 0 || (n < o.block && this.sent + n < this.count)) return;
      this.sent += n;
      this.wire.socket.write(n === o.block ? this.block : this.block.subarray(0, (this.block.length / o.block) * n));
    }
  }
}

const sessions = o.sessions ?? 1;
let open = sessions;
let slowest = 0;
const clients = Array.from({ length: sessions }, (_, i) => {
  const name = sessions === 1 ? o.name : `${o.name}.${i}`;
  return new LoadClient(name, i === 0 ? o.count : 0, (seconds) => {
    slowest = Math.max(slowest, seconds);
    if (--open > 0) return;
    console.log(JSON.stringify({ event: 'done', name: o.name, messages: o.expect, bytes: o.bytes, seconds: slowest }));
    let left = sessions;
    for (const c of clients)
      c.wire.end(() => {
        if (--left === 0) process.exit(0);
      });
  });
});

const limitMs = o.limitMs ?? LIMIT_MS;
const most = (): number => clients.reduce((n, c) => Math.max(n, c.received), 0);
const late = (): never => fail(`not done after ${limitMs} ms: received ${most()} of ${o.expect}`);
if (limitMs > 0) setTimeout(late, limitMs).unref();
if ((o.tellMs ?? 0) > 0)
  setInterval(() => console.log(JSON.stringify({ event: 'count', received: clients[0]!.received })), o.tellMs).unref();

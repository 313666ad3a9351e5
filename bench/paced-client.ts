// One process of a latency row: it sends messages at an even rate, each with the time in it, or receives them and keeps
// how long each took. Times are of the monotonic clock, which all processes of a machine share. Started with one JSON
// argument; prints JSON lines on standard output.
import { connectWire, type WireAddress } from './client-wire.js';

export interface PacedOrder extends WireAddress {
  /** Messages to send, at `perSecond`; 0: receive. */
  readonly count: number;
  readonly perSecond: number;
  readonly bytes: number;
  readonly service: number;
  /** Messages of all senders together; the first `warmUp` of them are counted apart as cold. */
  readonly expect: number;
  readonly warmUp: number;
  readonly limitMs: number;
}

/** What a receiver tells at its end; microseconds. */
export interface Latencies {
  readonly event: 'latencies';
  readonly warm: readonly number[];
  readonly cold: readonly number[];
  readonly received: number;
}

const STAMP_BYTES = 8;
/** Percentiles told, in tenths of a percent. */
export const PERCENTILES = [500, 900, 990, 999, 1000] as const;
/** A sleep leaves the processor to the daemons; a spin of this length before the due time keeps the pace even. */
const SLEEP_SLACK_NS = 60_000n;

const o = JSON.parse(process.argv[2]!) as PacedOrder;
const sleeper = new Int32Array(new SharedArrayBuffer(4));

function fail(why: string): never {
  console.log(JSON.stringify({ event: 'failed', name: o.name, why }));
  process.exit(1);
}

setTimeout(() => fail(`not done after ${o.limitMs} ms`), o.limitMs).unref();

function send(): void {
  const message = wire.message(new Uint8Array(Math.max(STAMP_BYTES, o.bytes)), o.service);
  const stampAt = wire.headBytes;
  const every = BigInt(Math.round(1e9 / o.perSecond));
  let due = process.hrtime.bigint();
  let sent = 0;
  const some = (): void => {
    let now = process.hrtime.bigint();
    for (; now < due; now = process.hrtime.bigint())
      if (due - now > SLEEP_SLACK_NS) Atomics.wait(sleeper, 0, 0, Number(due - now - SLEEP_SLACK_NS) / 1e6);
    // What became due meanwhile goes in the same write, as from any client that is behind.
    wire.socket.cork();
    for (; due <= now && sent < o.count; due += every, sent++) {
      const copy = Buffer.from(message);
      copy.writeBigUInt64LE(process.hrtime.bigint(), stampAt);
      wire.socket.write(copy);
    }
    wire.socket.uncork();
    if (sent < o.count) setImmediate(some);
    else console.log(JSON.stringify({ event: 'sent' }));
  };
  some();
}

const warm: number[] = [];
const cold: number[] = [];

function percentiles(all: number[]): number[] {
  all.sort((a, b) => a - b);
  return PERCENTILES.map((p) => all[Math.min(all.length - 1, Math.floor((all.length * p) / 1000))] ?? NaN);
}

function take(b: Buffer, bodyAt: number): void {
  const micros = Number(process.hrtime.bigint() - b.readBigUInt64LE(bodyAt)) / 1000;
  if (cold.length < o.warmUp) cold.push(micros);
  else warm.push(micros);
  if (cold.length + warm.length < o.expect) return;
  const done: Latencies = {
    event: 'latencies',
    warm: percentiles(warm),
    cold: percentiles(cold),
    received: cold.length + warm.length,
  };
  console.log(JSON.stringify(done));
  wire.end(() => process.exit(0));
}

const wire = connectWire(o, {
  ready: () => {
    if (o.count === 0) {
      wire.join();
      return;
    }
    // The receivers are all there when we are told so.
    process.stdin.once('data', send);
    console.log(JSON.stringify({ event: 'ready' }));
  },
  members: (members) => console.log(JSON.stringify({ event: 'joined', members })),
  message: (_own, b, bodyAt) => take(b, bodyAt),
  chunk: () => undefined,
  failed: fail,
});
process.stdin.on('end', () => process.exit(0));

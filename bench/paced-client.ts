// One process of the latency bench: it sends messages at an even rate, each with the time in it, or receives them and
// keeps how long each took. Times are of the monotonic clock, which all processes of a machine share. Started by
// bench/latency.ts with one JSON argument; prints JSON lines on standard output.
import {
  buildFrame,
  DATA_LENGTH_OFFSET,
  frameService,
  GROUPS_COUNT_OFFSET,
  HEADER_BYTES,
  NAME_BYTES,
  readName,
  SENDER_OFFSET,
  Service,
} from '../core/wire/frame.js';
import { RawClient } from './raw-client.js';

export interface PacedOrder {
  readonly host: string;
  readonly port: number;
  readonly name: string;
  readonly group: string;
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

function send(self: string): void {
  const frame = Buffer.from(
    buildFrame({
      service: o.service,
      sender: self,
      groups: [o.group],
      body: new Uint8Array(Math.max(STAMP_BYTES, o.bytes)),
    }),
  );
  const stampAt = HEADER_BYTES + NAME_BYTES;
  const every = BigInt(Math.round(1e9 / o.perSecond));
  let due = process.hrtime.bigint();
  let sent = 0;
  const one = (): void => {
    for (let now = process.hrtime.bigint(); now < due; now = process.hrtime.bigint())
      if (due - now > SLEEP_SLACK_NS) Atomics.wait(sleeper, 0, 0, Number(due - now - SLEEP_SLACK_NS) / 1e6);
    const copy = Buffer.from(frame);
    copy.writeBigUInt64LE(process.hrtime.bigint(), stampAt);
    raw.socket.write(copy);
    due += every;
    if (++sent < o.count) setImmediate(one);
    else console.log(JSON.stringify({ event: 'sent' }));
  };
  one();
}

const warm: number[] = [];
const cold: number[] = [];

function percentiles(all: number[]): number[] {
  all.sort((a, b) => a - b);
  return PERCENTILES.map((p) => all[Math.min(all.length - 1, Math.floor((all.length * p) / 1000))] ?? NaN);
}

function take(b: Buffer, at: number): void {
  const service = frameService(b, at);
  if ((service & Service.REGULAR) === 0) {
    if ((service & Service.REG_MEMB) !== 0 && readName(b, at + SENDER_OFFSET) === o.group)
      console.log(JSON.stringify({ event: 'joined', members: b.readUInt32LE(at + GROUPS_COUNT_OFFSET) }));
    return;
  }
  const bytes = b.readUInt32LE(at + DATA_LENGTH_OFFSET);
  const stampAt = at + HEADER_BYTES + NAME_BYTES * b.readUInt32LE(at + GROUPS_COUNT_OFFSET);
  if (bytes < STAMP_BYTES) fail('a message without a stamp');
  const micros = Number(process.hrtime.bigint() - b.readBigUInt64LE(stampAt)) / 1000;
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
  raw.end(() => process.exit(0));
}

const raw = new RawClient(o, {
  ready: (self) => {
    if (o.count === 0) {
      raw.socket.write(buildFrame({ service: Service.JOIN, sender: self, groups: [o.group] }));
      return;
    }
    // The receivers are all there when we are told so.
    process.stdin.once('data', () => send(self));
    console.log(JSON.stringify({ event: 'ready' }));
  },
  frame: take,
  chunk: () => undefined,
  failed: fail,
});
process.stdin.on('end', () => process.exit(0));

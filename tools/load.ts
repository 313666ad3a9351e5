// `peal load`: sends load through one or more daemons and measures what arrives: rates, losses, order, latency. Every
// session sends and receives; each message names its sender, its number and its time, and all receivers must see one order.
import { connect, type Level, type Message, type Session } from '../client-apis/binary/client/index.js';

export interface LoadOptions {
  /** Daemons, as the C library names them; sessions are shared among them. */
  readonly at: readonly string[];
  readonly group: string;
  readonly level: Level;
  /** Of each sender. */
  readonly messages: number;
  readonly bytes: number;
  readonly senders: number;
  /** Messages a second of all senders together; 0: as fast as it goes. */
  readonly rate: number;
  /** Nothing arrives for that long: what is missing is lost. */
  readonly patienceMs: number;
}

export interface LoadFigures {
  readonly level: Level;
  readonly bytes: number;
  readonly senders: number;
  readonly sent: number;
  /** By all receivers together. */
  readonly received: number;
  readonly lost: number;
  readonly outOfOrder: number;
  /** Did all receivers see the same sequence, as far as each of them came? */
  readonly sameOrder: boolean;
  /** Sessions that lost their connection. */
  readonly closed: number;
  readonly seconds: number;
  /** Delivered to each receiver. */
  readonly messagesPerSecond: number;
  readonly megabytesPerSecond: number;
  /** Microseconds from sending to receiving, in the same process: p50, p90, p99, p99.9, most. */
  readonly latencyMicros: {
    readonly p50: number;
    readonly p90: number;
    readonly p99: number;
    readonly p999: number;
    readonly max: number;
  };
}

/** u32 run | u32 sender | u32 number | u64 ns */
export const STAMP_BYTES = 20;
const WINDOW = 1000;
const WINDOW_BYTES = 4 * 1024 * 1024;
const TICK_MS = 2;
const SAMPLES_MAX = 200_000;
const HASH_PRIME = 16_777_619;
/** Orders are compared after each so many messages, since who lost its connection came less far. */
const MARK_EVERY = 256;

class Party {
  received = 0;
  back = 0;
  sent = 0;
  outOfOrder = 0;
  /** FNV-1a over senders and numbers in the order of receipt. */
  order = 0x811c9dc5;
  /** What it was after each `MARK_EVERY` messages. */
  readonly marks: number[] = [];
  lastAt = 0;
  readonly micros: number[] = [];
  private readonly next: number[];

  constructor(
    readonly session: Session,
    readonly index: number,
    private readonly run: number,
    senders: number,
  ) {
    this.next = new Array<number>(senders).fill(0);
  }

  took(m: Message): void {
    const b = Buffer.from(m.data.buffer, m.data.byteOffset, m.data.length);
    if (b.length < STAMP_BYTES || b.readUInt32LE(0) !== this.run) return;
    const sender = b.readUInt32LE(4);
    const number = b.readUInt32LE(8);
    const at = process.hrtime.bigint();
    this.received++;
    if (sender === this.index) this.back++;
    if (number < (this.next[sender] ?? 0)) this.outOfOrder++;
    this.next[sender] = number + 1;
    this.order = Math.imul(this.order ^ ((sender << 24) | number), HASH_PRIME) >>> 0;
    if (this.received % MARK_EVERY === 0) this.marks.push(this.order);
    const micros = Number(at - b.readBigUInt64LE(12)) / 1000;
    if (this.micros.length < SAMPLES_MAX) this.micros.push(micros);
    else this.micros[Math.floor(Math.random() * SAMPLES_MAX)] = micros;
    this.lastAt = performance.now();
  }
}

/**
 * Runs the load. `progress` is called about once a second with a line; aborting the signal ends the sending early, and what is on its
 * way is still waited for.
 */
export async function load(
  o: LoadOptions,
  progress: (line: string) => void,
  signal: AbortSignal,
): Promise<LoadFigures> {
  const run = (Date.now() ^ (process.pid << 16)) >>> 0;
  const parties: Party[] = [];
  try {
    for (let i = 0; i < o.senders; i++) {
      const session = await connect({ at: o.at[i % o.at.length]!, receiveBytes: 64 * 1024 * 1024 });
      parties.push(new Party(session, i, run, o.senders));
    }
    await Promise.all(parties.map((p) => entered(p, o)));
    return await measure(parties, o, run, progress, signal);
  } finally {
    await Promise.all(parties.map((p) => p.session.disconnect()));
  }
}

/** Joined, and everybody is there. */
function entered(p: Party, o: LoadOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    p.session.on('view', (v) => {
      if (v.members.length >= o.senders) resolve();
    });
    p.session.on('message', (m) => p.took(m));
    p.session.on('close', (why) => reject(why ?? new Error('ended')));
    void p.session.join(o.group);
  });
}

async function measure(
  parties: readonly Party[],
  o: LoadOptions,
  run: number,
  progress: (line: string) => void,
  signal: AbortSignal,
): Promise<LoadFigures> {
  const began = performance.now();
  const expect = o.messages * o.senders;
  const window = Math.max(1, Math.min(WINDOW, Math.floor(WINDOW_BYTES / Math.max(1, o.bytes))));
  for (const p of parties) p.lastAt = began;
  let told = began;
  let before = 0;
  for (;;) {
    const now = performance.now();
    if (!signal.aborted) for (const p of parties) push(p, o, run, window, now - began);
    const least = Math.min(...parties.map((p) => p.received));
    if (now - told > 1000) {
      const rate = Math.round(((least - before) * 1000) / (now - told));
      progress(
        `${Math.floor((100 * least) / expect)} %  ${least} of ${expect}  ${rate} messages/s  ${((rate * o.bytes) / 1e6).toFixed(1)} MB/s`,
      );
      told = now;
      before = least;
    }
    const sentAll = signal.aborted || parties.every((p) => p.sent === o.messages);
    if (sentAll && least >= parties.reduce((n, p) => n + p.sent, 0)) break;
    if (now - Math.max(...parties.map((p) => p.lastAt)) > o.patienceMs && (sentAll || o.rate === 0)) break;
    if (parties.some((p) => !p.session.connected)) break;
    await new Promise((resolve) => (o.rate > 0 ? setTimeout(resolve, TICK_MS) : setImmediate(resolve)));
  }
  return figures(parties, o, (Math.max(...parties.map((p) => p.lastAt)) - began) / 1000);
}

/** Sends what the rate and the window allow by now. */
function push(p: Party, o: LoadOptions, run: number, window: number, elapsedMs: number): void {
  const due = o.rate > 0 ? Math.floor((elapsedMs * o.rate) / (1000 * o.senders)) : o.messages;
  const until = Math.min(o.messages, due, p.back + window);
  while (p.sent < until && p.session.writable && p.session.connected) {
    const b = Buffer.alloc(Math.max(STAMP_BYTES, o.bytes));
    b.writeUInt32LE(run, 0);
    b.writeUInt32LE(p.index, 4);
    b.writeUInt32LE(p.sent, 8);
    b.writeBigUInt64LE(process.hrtime.bigint(), 12);
    p.session.multicast(o.level, o.group, b);
    p.sent++;
  }
}

/** Each as far as it came beside who came furthest, to the last mark; to the end for those who came equally far. */
export function sameOrder(parties: readonly Pick<Party, 'marks' | 'order' | 'received'>[]): boolean {
  const furthest = parties.reduce((a, b) => (b.received > a.received ? b : a));
  const ends = new Map(parties.map((p) => [p.received, p.order]));
  return parties.every(
    (p) => p.marks.at(-1) === furthest.marks[p.marks.length - 1] && p.order === ends.get(p.received),
  );
}

function figures(parties: readonly Party[], o: LoadOptions, seconds: number): LoadFigures {
  const sum = (of: (p: Party) => number): number => parties.reduce((n, p) => n + of(p), 0);
  const sent = sum((p) => p.sent);
  const received = sum((p) => p.received);
  const micros = parties.flatMap((p) => p.micros).sort((a, b) => a - b);
  const at = (part: number): number =>
    Math.round(micros[Math.min(micros.length - 1, Math.floor(micros.length * part))] ?? NaN);
  const perSecond = received / parties.length / seconds;
  return {
    level: o.level,
    bytes: Math.max(STAMP_BYTES, o.bytes),
    senders: o.senders,
    sent,
    received,
    lost: sent * parties.length - received,
    outOfOrder: sum((p) => p.outOfOrder),
    sameOrder: sameOrder(parties),
    closed: parties.filter((p) => !p.session.connected).length,
    seconds,
    messagesPerSecond: Math.round(perSecond),
    megabytesPerSecond: Math.round((perSecond * o.bytes) / 1e4) / 100,
    latencyMicros: { p50: at(0.5), p90: at(0.9), p99: at(0.99), p999: at(0.999), max: at(1) },
  };
}

/** The figures for a person. */
export function told(f: LoadFigures): string[] {
  const l = f.latencyMicros;
  return [
    `${f.sent} messages of ${f.bytes} bytes (${f.level}) from ${f.senders} sessions in ${f.seconds.toFixed(2)} s`,
    `each received ${f.messagesPerSecond} messages/s, ${f.megabytesPerSecond} MB/s`,
    `lost ${f.lost}, out of order ${f.outOfOrder}, ${f.sameOrder ? 'one order at all' : 'ORDERS DIFFER'}`,
    ...(f.closed > 0 ? [`${f.closed} of ${f.senders} sessions lost their connection`] : []),
    `latency in microseconds: p50 ${l.p50}, p90 ${l.p90}, p99 ${l.p99}, p99.9 ${l.p999}, most ${l.max}`,
  ];
}

// One process of the rows about sessions and groups: it connects again and again, joins and leaves again and again, or
// holds many sessions or groups. Started with one JSON argument; prints JSON lines on standard output.
import { buildFrame, frameService, readName, SENDER_OFFSET, Service } from '../core/wire/frame.js';
import { RawClient } from './raw-client.js';

export interface ChurnOrder {
  readonly host: string;
  readonly port: number;
  readonly name: string;
  /**
   * connect: `count` sessions one after the other, `width` at a time, each ended at once. join: `count` joins, each
   * followed by a leave, `width` under way. hold: `count` sessions that stay, `width` connecting at a time, all in one
   * group. groups: one session that joins `count` groups, `width` under way, and stays.
   */
  readonly what: 'connect' | 'join' | 'hold' | 'groups';
  readonly count: number;
  readonly width: number;
}

export interface Churned {
  readonly event: 'churned';
  readonly perSecond: number;
  /** Of one connect or join, microseconds. */
  readonly p50: number;
  readonly p99: number;
}

const o = JSON.parse(process.argv[2]!) as ChurnOrder;
const LIMIT_MS = 120_000;
/** What a session that only comes and goes can read at once; the 256 KB of a reader of streams cost more than the rest of it. */
const HANDSHAKE_BYTES = 4096;

function fail(why: string): never {
  console.log(JSON.stringify({ event: 'failed', why }));
  process.exit(1);
}
setTimeout(() => fail(`${o.what}: not done after ${LIMIT_MS} ms`), LIMIT_MS).unref();

const times: number[] = [];
const began = performance.now();

function tell(): void {
  const seconds = (performance.now() - began) / 1000;
  times.sort((a, b) => a - b);
  const at = (part: number): number => (times[Math.floor((times.length - 1) * part)] ?? NaN) * 1000;
  const told: Churned = { event: 'churned', perSecond: times.length / seconds, p50: at(0.5), p99: at(0.99) };
  console.log(JSON.stringify(told));
}

/** Counts what is under way and what is done. */
function connectMany(stay: boolean): void {
  let started = 0;
  const next = (): void => {
    if (started === o.count) return;
    const begun = performance.now();
    const n = started++;
    const client: RawClient = new RawClient(
      { host: o.host, port: o.port, name: `${o.name}${n.toString(36)}` },
      {
        ready: (self) => {
          times.push(performance.now() - begun);
          if (stay) client.socket.write(buildFrame({ service: Service.JOIN, sender: self, groups: ['crowd'] }));
          else {
            client.socket.write(buildFrame({ service: Service.KILL, sender: self, groups: [self] }));
            client.end(() => undefined);
          }
          if (times.length === o.count) tell();
          next();
        },
        frame: () => undefined,
        chunk: () => undefined,
        failed: fail,
      },
      // Views of a crowd would cost more than the crowd.
      !stay,
      HANDSHAKE_BYTES,
    );
  };
  for (let i = 0; i < o.width; i++) next();
}

function joinMany(leave: boolean): void {
  let started = 0;
  let self = '';
  const begun = new Map<string, number>();
  const next = (): void => {
    if (started === o.count) return;
    const group = `g${o.name}${started++}`;
    begun.set(group, performance.now());
    client.socket.write(buildFrame({ service: Service.JOIN, sender: self, groups: [group] }));
  };
  const client: RawClient = new RawClient(o, {
    ready: (name) => {
      self = name;
      for (let i = 0; i < o.width; i++) next();
    },
    frame: (bytes, at) => {
      if ((frameService(bytes, at) & Service.REG_MEMB) === 0) return;
      const group = readName(bytes, at + SENDER_OFFSET);
      const from = begun.get(group);
      if (from === undefined) return;
      begun.delete(group);
      times.push(performance.now() - from);
      if (leave) client.socket.write(buildFrame({ service: Service.LEAVE, sender: self, groups: [group] }));
      if (times.length === o.count) tell();
      else next();
    },
    chunk: () => undefined,
    failed: fail,
  });
}

if (o.what === 'connect' || o.what === 'hold') connectMany(o.what === 'hold');
else joinMany(o.what === 'join');
process.stdin.on('end', () => process.exit(0));
process.stdin.resume();

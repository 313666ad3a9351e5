// Clients that were never changed: Spread's own spflooder with its C library, a write and several reads for each message,
// so the client is most of what is measured.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { child, OWN_GROUP } from '../children.js';
import { type Cluster, cpuSeconds } from '../cluster.js';
import { tell } from '../progress.js';
import type { Figures, Row } from '../row.js';
import { warmUp } from './throughput.js';

/** Catches a hang: the longest run, large messages at a Spread of the slower machine, takes some 20 seconds. */
const LIMIT_MS = 200_000;
/** What a spflooder that only reads can take. */
const READABLE_BYTES = 1000;
/**
 * Messages of each sender that make a run of two seconds and more at a real Spread. With half a second, as it was, the first reads of
 * large frames and the growth of the system's windows were a good part of it: 100 KB 6.1 times Spread's rate instead of 7.5.
 */
const COUNTS: Readonly<Record<number, number>> = { 10: 90_000, 1000: 45_000, 10_000: 40_000, 100_000: 5000 };
/** ... and so many times as many at ours. */
const OUR_SHARE = 5;
/**
 * A spflooder ends with its last own messages unread, which resets its connection and may lose what it has not sent yet, at
 * any daemon; a receiver then takes its leave for a message and crashes. Such a run is made again.
 */
const ATTEMPTS = 6;
/** Until the sessions of a run are gone, ms: who comes earlier counts them as members. */
const PAUSE_MS = 300;

/** How the clients reach their daemons; the library takes the Unix socket where no host is named. */
type Way = 'tcp' | 'unix';

/** Resolves with the seconds it took; spflooder prints no figures. */
function flood(c: Cluster, at: number, way: Way, args: readonly string[]): Promise<number> {
  const program = join(process.env['PEAL_SPREAD_DIR']!, 'bin', 'spflooder');
  const { host, port } = c.hosts[at]!;
  return new Promise((resolve, reject) => {
    // Without a terminal it would tell its progress only at the end.
    const line = ['-oL', program, ...args, '-u', `f${at}`, '-s', way === 'unix' ? `${port}` : `${port}@${host}`];
    const p = child(spawn('stdbuf', line, { stdio: ['ignore', 'pipe', 'ignore'], ...OWN_GROUP }));
    let from = performance.now();
    const limit = setTimeout(() => p.kill('SIGKILL'), LIMIT_MS);
    // The first line of progress comes when all members are there.
    p.stdout.on('data', (chunk: Buffer) => {
      if (/Received REGULAR|starting/.test(chunk.toString('latin1'))) from = performance.now();
    });
    p.on('exit', (code, signal) => {
      clearTimeout(limit);
      if (code === 0) resolve((performance.now() - from) / 1000);
      else if (signal === 'SIGKILL') reject(new Error(`spflooder did not end within ${LIMIT_MS / 1000} s`));
      else reject(new Error(`spflooder ended with ${signal ?? code ?? ''}`));
    });
  });
}

async function run(c: Cluster, senders: number, bytes: number, way: Way): Promise<Figures> {
  for (let attempt = 1; ; attempt++) {
    await sleep(PAUSE_MS);
    try {
      return await attemptRun(c, senders, bytes, way);
    } catch (error) {
      if (attempt === ATTEMPTS) throw error;
      tell(`${(error as Error).message} with ${senders}x${bytes}: run ${attempt + 1} of at most ${ATTEMPTS}`);
    }
  }
}

async function attemptRun(c: Cluster, senders: number, bytes: number, way: Way): Promise<Figures> {
  const count = COUNTS[bytes]! * (c.kind === 'peal' ? OUR_SHARE : 1);
  const before = cpuSeconds(c);
  const args = ['-m', String(count), '-b', String(bytes)];
  // A spflooder that only reads crashes on large messages, whoever sends them: then the sender is the only receiver.
  const alone = senders === 1 && bytes > READABLE_BYTES;
  const at = alone ? [0] : c.hosts.map((_, i) => i);
  const members = alone ? [] : ['-n', '3'];
  const floods = at.map((i) => flood(c, i, way, [...args, ...members, ...(i < senders ? [] : ['-ro'])]));
  await Promise.allSettled(floods);
  const seconds = await Promise.all(floods);
  const messages = count * senders;
  const perSecond = messages / Math.max(...seconds);
  return {
    messages: perSecond,
    megabytes: (perSecond * bytes) / 1e6,
    cpu: ((cpuSeconds(c) - before) * 1e6) / messages,
    total: messages,
  };
}

/** The loads of all, and one of these clients: their path is another, and warms up in some seconds. */
async function warmUpClients(c: Cluster, serial: number): Promise<void> {
  await warmUp(c, serial);
  await run(c, 3, 10, 'tcp');
}

function row(senders: number, bytes: number, way: Way): Row {
  const over = way === 'unix' ? ' over Unix sockets' : '';
  return {
    name: `c-clients${way === 'unix' ? '-unix' : ''}/${senders}x${bytes}`,
    measures: `the peer's spflooder at three daemons${over}, ${senders} sending (one alone receives what is large)`,
    options: { senders, bytes, way, program: 'spflooder', library: 'unchanged', warmUp: '5 loads' },
    figures: [
      { name: 'messages', unit: 'msg/s to each receiver', better: 'more' },
      { name: 'megabytes', unit: 'MB/s', better: 'more' },
      { name: 'cpu', unit: 'us CPU of all daemons per message', better: 'less' },
    ],
    variants: ['tcp', 'ring', 'spread'],
    prepare: warmUpClients,
    run: (c: Cluster) => run(c, senders, bytes, way),
  };
}

const SENDERS = [1, 3];

export const flooders: readonly Row[] =
  process.env['PEAL_SPREAD_DIR'] === undefined
    ? []
    : [
        ...SENDERS.flatMap((n) => [10, 1000, 10_000, 100_000].map((bytes) => row(n, bytes, 'tcp'))),
        ...SENDERS.flatMap((n) => [10, 10_000, 100_000].map((bytes) => row(n, bytes, 'unix'))),
      ];

// What is sent is what arrives, byte for byte, where memory is used again (core/plugin/lent.ts): three daemons under load, messages of
// all sizes, readers that are slow for a while, daemons that stand still for a moment.
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, type Session } from '../../../client-apis/binary/client/index.js';
import { Farm, sectionsOf } from '../processes.js';

/** Copied into packs, kept where they were read, and too large for a pack. */
const SIZES = [60, 900, 9_000, 10_000, 40_000, 100_000, 100_000, 180_000, 300_000];
const LARGEST_BYTES = 400_000;
const LIMIT = `max_message_bytes = ${LARGEST_BYTES}`;
/** Nobody is to be suspected, however busy the machine is: messages of a configuration that splits need not come to all. */
const PATIENCE = 'silence_limit_ms = 30 s';
const MESSAGES = 400;
/** One reader is slow for so long. */
const LATE_MS = 1000;
/** Only catches a hang. */
const LIMIT_MS = 60_000;

let farm: Farm;
let sessions: Session[];

beforeEach(() => {
  sessions = [];
});

afterEach(async () => {
  for (const s of sessions) s.kill();
  await farm.destroy();
}, LIMIT_MS);

async function session(daemon: number, name: string): Promise<Session> {
  const { where } = farm.daemons[daemon]!;
  const limits = { timeoutMs: LIMIT_MS, receiveBytes: 1024 * 1024, maxMessageBytes: LARGEST_BYTES };
  const s = await connect({ ...where, name, ...limits });
  sessions.push(s);
  return s;
}

/** The n-th message of that sender: numbers that no other place of any message has. */
function body(sender: number, n: number): Buffer {
  const b = Buffer.alloc(SIZES[(sender + n) % SIZES.length]!);
  const first = (sender * MESSAGES + n) * 100_000;
  for (let i = 0; i < b.length; i += 4) b.writeUInt32LE((first + i) >>> 0, i);
  return b;
}

async function says(s: Session, sender: number): Promise<void> {
  for (let n = 0; n < MESSAGES; n++) {
    s.multicast('agreed', 'g', body(sender, n), { type: sender });
    await s.drained();
  }
}

/** Joins, and waits until all readers have: the daemons are together then. */
async function joins(s: Session): Promise<void> {
  await s.join('g');
  for (;;) {
    const e = await s.receive();
    if (e.kind === 'view' && e.members.length === 4) return;
  }
}

/**
 * All messages of all senders; answers those whose bytes differ. `lateMs`: rests after each message for so long. (It was after so many
 * messages: on a busy machine, where this process needs a fifth of a second for a turn, that alone took half a minute.)
 */
async function hears(s: Session, lateMs: number): Promise<string[]> {
  const wrong: string[] = [];
  let from: number | undefined;
  const next = [0, 0, 0];
  for (let n = 0; n < 3 * MESSAGES; n++) {
    const e = await s.receive();
    if (e.kind !== 'message') {
      n--;
      continue;
    }
    const said = body(e.type, next[e.type]!);
    if (Buffer.compare(said, e.data) !== 0) wrong.push(`message ${next[e.type]!} of ${e.type}, ${e.data.length} bytes`);
    next[e.type]!++;
    from ??= performance.now();
    if (performance.now() - from < lateMs) await sleep(5);
  }
  return wrong;
}

test.each([
  { how: 'all the time', stops: 0 },
  { how: 'while one daemon after the other stands still', stops: 12 },
])(
  'every message is whole, $how',
  async ({ stops }) => {
    farm = await Farm.create({ daemons: 3, daemonSection: [LIMIT, PATIENCE], sections: `${sectionsOf()}\n${LIMIT}` });
    await farm.start();
    const readers = await Promise.all([0, 1, 2, 2].map((daemon, i) => session(daemon, `r${i}`)));
    await Promise.all(readers.map(joins));
    const heard = Promise.all(readers.map((r, i) => hears(r, i === 3 ? LATE_MS : 0)));
    const senders = await Promise.all([0, 1, 2].map((daemon) => session(daemon, `s${daemon}`)));
    const said = Promise.all(senders.map((s, i) => says(s, i)));
    // Long enough that what is written to it waits.
    for (let i = 0; i < stops; i++) {
      const { process } = farm.daemons[i % 3]!;
      process!.kill('SIGSTOP');
      await sleep(60);
      process!.kill('SIGCONT');
      await sleep(20);
    }
    await said;
    expect(await heard).toEqual([[], [], [], []]);
  },
  LIMIT_MS,
);

// The client library beside the peer's own libraries, on our daemons and on a real Spread (PEAL_SPREAD_DIR, as in
// spread.test.ts; items 53 and 54): the same conversation on both, one group with C and Java members, one view with a
// member of the peer's flush library.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { connect as dial, createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Cluster, startPeal, startSpread, stop } from '../../../bench/cluster.js';
import {
  connect,
  type ConnectOptions,
  FlushSession,
  LEVELS,
  type Level,
  type Session,
  type SessionEvent,
  viewText,
} from '../../../client-apis/binary/client/index.js';
import { Typed } from '../typed.js';

const PLACE = process.env['PEAL_SPREAD_DIR'];
const why = PLACE === undefined ? ' (PEAL_SPREAD_DIR is not set)' : '';
const JAR = join(PLACE ?? '', 'java', 'spread-4.4.0.jar');
const MEMBER = fileURLToPath(new URL('../../../../test/interop/Member.java', import.meta.url));
const SYSTEMS = ['peal', 'spread'] as const;
const BIG_BYTES = 100_000;
const LOWEST_PORT = 20_000;

const peer = PLACE === undefined ? describe.skip : describe;
const clusters = new Map<string, Cluster>();
const sessions: Session[] = [];

beforeAll(async () => {
  if (PLACE === undefined) return;
  const [ours, real] = await Promise.all([startPeal(), startSpread(PLACE)]);
  clusters.set('peal', ours).set('spread', real);
}, 60_000);
afterAll(async () => {
  await Promise.all(sessions.map((s) => s.disconnect()));
  await Promise.all([...clusters.values()].map(stop));
});

const host = (system: string, i: number): { host: string; port: number } => clusters.get(system)!.hosts[i]!;

async function session(system: string, i: number, o: ConnectOptions): Promise<Session> {
  const s = await connect({ ...host(system, i), ...o });
  sessions.push(s);
  return s;
}

/** Keeps what a session receives, ids of views by number. */
class Listener {
  readonly all: unknown[] = [];
  private readonly ids: string[] = [];
  private readonly waiting = new Set<() => void>();

  constructor(readonly session: Session) {
    for (const kind of ['message', 'view', 'transitional', 'left', 'rejected'] as const)
      session.on(kind, (e: SessionEvent) => {
        this.all.push(this.told(e));
        for (const w of this.waiting) w();
      });
  }

  /** Waits until so many events are there. */
  async count(n: number): Promise<void> {
    while (this.all.length < n)
      await new Promise<void>((resolve) => {
        const look = (): void => {
          this.waiting.delete(look);
          resolve();
        };
        this.waiting.add(look);
      });
  }

  private told(e: SessionEvent): unknown {
    if (e.kind === 'message')
      return { ...e, data: e.data.length < 100 ? Buffer.from(e.data).toString() : e.data.length };
    if (e.kind !== 'view' && e.kind !== 'transitional') return e;
    const key = viewText(e.id);
    if (!this.ids.includes(key)) this.ids.push(key);
    return { ...e, id: this.ids.indexOf(key) };
  }
}

/** Three sessions at three daemons, one step after the other; what each of them received. */
async function conversation(system: string): Promise<unknown> {
  const ann = new Listener(await session(system, 0, { name: 'ann' }));
  const bob = new Listener(await session(system, 1, { name: 'bob' }));
  const mute = new Listener(await session(system, 2, { name: 'mute', membership: false }));
  let [a, b, m] = [0, 0, 0];
  const heard = async (toAnn: number, toBob: number, toMute: number): Promise<void> => {
    [a, b, m] = [a + toAnn, b + toBob, m + toMute];
    await Promise.all([ann.count(a), bob.count(b), mute.count(m)]);
  };
  void ann.session.join('room');
  await heard(1, 0, 0);
  void bob.session.join('room');
  await heard(1, 1, 0);
  void mute.session.join('room');
  await heard(1, 1, 0);
  for (const level of Object.keys(LEVELS) as Level[]) {
    ann.session.multicast(level, 'room', level);
    await heard(1, 1, 1);
  }
  ann.session.multicast('agreed', ['room', '#bob#beta', 'nowhere'], 'once', { type: -5 });
  await heard(1, 1, 1);
  bob.session.multicast('safe', 'room', new Uint8Array(BIG_BYTES), { selfDiscard: true });
  await heard(1, 0, 1);
  bob.session.multicast('fifo', '#ann#alpha', [Buffer.from('in '), Buffer.from('pieces')]);
  await heard(1, 0, 0);
  void bob.session.leave('room');
  await heard(1, 1, 0);
  bob.session.multicast('agreed', 'room', 'from outside');
  await heard(1, 0, 1);
  await mute.session.disconnect();
  await heard(1, 0, 0);
  void bob.session.join('room');
  await heard(1, 1, 0);
  ann.session.kill();
  await heard(0, 1, 0);
  await bob.session.disconnect();
  return [ann.all, bob.all, mute.all];
}

/** Sender and text of everything said in one group with a C and a Java member, as each of the three saw it. */
async function mixed(system: string, counts: { ts: number; c: number; java: number }): Promise<string[][]> {
  const total = counts.ts + counts.c + counts.java;
  const ts = await session(system, 1, { name: 'ts' });
  const [first, third] = [host(system, 0), host(system, 2)];
  const c = new Typed(join(PLACE!, 'bin', 'spuser'), ['-u', 'c', '-s', `${first.port}@${first.host}`]);
  const counted = [counts.java, 3, total].map(String);
  const door = await lowPort(third);
  const java = new Typed('java', ['-cp', JAR, MEMBER, '127.0.0.1', String(door.port), 'java', 'mixed', ...counted]);
  try {
    await c.say('j mixed', /1 members|JOIN of #c/);
    await ts.join('mixed');
    const seen: string[] = [];
    for (let whole = false; seen.length < total;) {
      const e = await ts.receive();
      if (e.kind === 'message') seen.push(`${e.sender} ${Buffer.from(e.data).toString().trimEnd()}`);
      if (whole || e.kind !== 'view' || e.members.length < 3) continue;
      whole = true;
      for (let i = 0; i < counts.ts; i++) ts.multicast('agreed', 'mixed', `ts ${i}`);
      void typing(c, counts.c);
    }
    const byC = (): string[] =>
      [...c.out.matchAll(/message from (\S+), of type [^(]*\([^)]*\)[^(]*\(\d+ bytes\): (.*)/g)].map(
        ([, sender, text]) => `${sender!} ${text!}`,
      );
    await c.until(() => byC().length >= total, 'all messages');
    const byJava = (): string[] => [...java.out.matchAll(/^MSG (.*)$/gm)].map(([, text]) => text!);
    await java.until(() => byJava().length >= total, 'all messages');
    return [seen, byC(), byJava()];
  } finally {
    await Promise.all([c.end(), java.end(), ts.disconnect()]);
    door.close();
  }
}

/** The Java library takes no port of 32768 or more, which are those that the system gives: another way to that daemon. */
async function lowPort(to: { host: string; port: number }): Promise<{ port: number; close(): void }> {
  const server = createServer((socket) => {
    const daemon = dial(to);
    for (const s of [socket, daemon]) s.on('error', () => s.destroy());
    socket.pipe(daemon).pipe(socket);
  });
  for (let port = LOWEST_PORT; ; port++) {
    const taken = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(true));
      server.listen(port, '127.0.0.1', () => resolve(false));
    });
    if (!taken) return { port, close: () => void server.close() };
  }
}

async function typing(c: Typed, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    // Its prompt for the text comes only with the next line that it prints.
    await c.say(`s mixed\nc ${i}`, new RegExp(`: c ${i}\\s`));
  }
}

/** A view with a member of the C flush library, from joining to leaving; what we received, what it printed. */
async function synced(system: string): Promise<{ ts: unknown[]; c: string }> {
  const at = host(system, 0);
  const c = new Typed(join(PLACE!, 'bin', 'flush_user'), ['-u', 'c', '-s', `${at.port}@${at.host}`]);
  const flush = new FlushSession(await session(system, 1, { name: 'ts' }), { autoFlush: true });
  const ts: unknown[] = [];
  const receive = async (n: number): Promise<void> => {
    while (ts.length < n) {
      const e = await flush.receive();
      ts.push(e.kind === 'message' ? { ...e, data: Buffer.from(e.data).toString() } : { ...e, id: undefined });
    }
  };
  try {
    await c.say('j synced', /User> /);
    await c.say('r', /with 1 members/);
    flush.join('synced');
    await c.say('r', /FLUSH_REQ/);
    await c.say('f synced', /Sent a FLUSH_OK/);
    await c.say('r', /with 2 members/);
    await receive(1);
    flush.multicast('agreed', 'synced', 'to all', { type: 3 });
    await c.say('r', /AGREED message from #ts#beta, of type 3/);
    flush.subgroupMulticast('fifo', 'synced', ['#c#alpha'], 'to you');
    await c.say('r', /receivers:\s+#c#alpha/);
    await c.say('s synced\nfrom C', /multicasting message/);
    await receive(3);
    await c.say('r', /SAFE message from #c#alpha/);
    flush.leave('synced');
    await receive(4);
    await c.say('r', /FLUSH_REQ/);
    await c.say('r', /TRANSITIONAL/);
    await c.say('f synced', /Sent a FLUSH_OK/);
    await c.say('r', /LEAVE of #ts#beta/);
    // Numbers that differ, and prompts, which come when they like.
    const printed = c.out.replace(/grp id is .*|connected to \S+|There are \d+|User>|\s+/g, ' ');
    return { ts, c: printed.replace(/ +/g, ' ').trimEnd() };
  } finally {
    await Promise.all([c.end(), flush.disconnect()]);
  }
}

peer(`the client library${why}`, () => {
  test('the same conversation at our daemons and at a real Spread', async () => {
    const [ours, real] = [await conversation('peal'), await conversation('spread')];
    expect(ours).toEqual(real);
    expect((ours as unknown[][]).map((l) => l.length)).toEqual([16, 12, 9]);
  }, 60_000);

  const hasJava = existsSync(JAR) && spawnSync('java', ['-version']).status === 0;
  (hasJava ? test : test.skip).each(SYSTEMS)(
    'one order with a C and a Java member, at %s',
    async (system) => {
      const [ts, c, java] = await mixed(system, { ts: 200, c: 5, java: 50 });
      expect(c).toEqual(ts);
      expect(java).toEqual(ts);
      expect(new Set(ts).size).toBe(255);
    },
    60_000,
  );

  (existsSync(join(PLACE ?? '', 'bin', 'flush_user')) ? test : test.skip)(
    'the same view with a member of the flush library, at our daemons and at a real Spread',
    async () => {
      const [ours, real] = [await synced('peal'), await synced('spread')];
      expect(ours).toEqual(real);
      expect((ours.ts as { kind: string }[]).map((e) => e.kind)).toEqual(['view', 'message', 'message', 'left']);
    },
    60_000,
  );
});

// The library against a real daemon in this process, over real sockets.
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createServer, type Server, type Socket } from 'node:net';
import { type Solo, startSolo } from '../../../../test/fixture-replay/solo.js';
import {
  ClientError,
  connect,
  type ConnectOptions,
  type Message,
  MessageFactory,
  parsePrivateGroup,
  type Session,
  type SessionEvent,
  type View,
} from '../index.js';

let solo: Solo;
const sessions: Session[] = [];

beforeEach(async () => {
  solo = await startSolo();
});

afterEach(async () => {
  await Promise.all(sessions.splice(0).map((s) => s.disconnect()));
  await solo.stop();
  expect(solo.fatal).toEqual([]);
});

async function session(o: ConnectOptions = {}): Promise<Session> {
  const s = await connect({ port: solo.port, ...o });
  sessions.push(s);
  return s;
}

async function message(s: Session): Promise<Message> {
  for (;;) {
    const e = await s.receive();
    if (e.kind === 'message') return e;
  }
}

const text = (m: Message): string => Buffer.from(m.data).toString();

describe('joining, sending, receiving', () => {
  test('two members see each other and one order', async () => {
    const [ann, bob] = [await session({ name: 'ann' }), await session({ name: 'bob' })];
    expect([ann.privateGroup, ann.name, ann.daemon, ann.version]).toEqual(['#ann#solo', 'ann', 'solo', [4, 4, 0]]);
    const first = await ann.join('room');
    expect(first).toMatchObject({
      cause: 'join',
      members: ['#ann#solo'],
      ownIndex: 0,
      changed: '#ann#solo',
      together: [],
    });
    const second = await bob.join('room');
    expect(second?.members).toEqual(['#ann#solo', '#bob#solo']);
    ann.multicast('agreed', 'room', 'hello', { type: 7 });
    bob.multicast('safe', ['room', 'nowhere'], [Buffer.from('in '), Buffer.from('two parts')], { type: -5 });
    for (const s of [ann, bob]) {
      const all = [await message(s), await message(s)];
      expect(all.map((m) => [m.level, m.sender, m.groups, m.type, text(m)])).toEqual([
        ['agreed', '#ann#solo', ['room'], 7, 'hello'],
        ['safe', '#bob#solo', ['room', 'nowhere'], -5, 'in two parts'],
      ]);
    }
    await bob.leave('room');
    expect(bob.groups).toEqual([]);
    expect(await ann.receive()).toMatchObject({ kind: 'view', cause: 'leave', changed: '#bob#solo' });
  });

  test('private messages, self-discard, no membership', async () => {
    const [ann, mute] = [await session({ name: 'ann' }), await session({ name: 'mute', membership: false })];
    expect(await mute.join('room')).toBeUndefined();
    await ann.join('room');
    ann.multicast('fifo', 'room', 'not to me', { selfDiscard: true });
    ann.multicast('reliable', mute.privateGroup, 'to you');
    ann.multicast('agreed', 'room', 'to all');
    expect([text(await message(mute)), text(await message(mute)), text(await message(mute))]).toEqual([
      'not to me',
      'to you',
      'to all',
    ]);
    expect(text(await message(ann))).toBe('to all');
  });

  test('ten thousand messages in order, with listeners', async () => {
    const many = 10_000;
    const [ann, bob] = [await session(), await session()];
    await bob.join('room');
    let next = 0;
    const done = new Promise<void>((resolve) => {
      bob.on('message', (m) => {
        expect(Buffer.from(m.data).readUInt32LE()).toBe(next);
        if (++next === many) resolve();
      });
    });
    for (let i = 0; i < many; i++) {
      const b = Buffer.alloc(4);
      b.writeUInt32LE(i);
      expect(ann.multicast('agreed', 'room', b)).toBe(i + 1);
      if (!ann.writable) await ann.drained();
    }
    await done;
  });

  test('who sends in a loop without a pause sees that there is no more room', async () => {
    const [ann, bob] = [await session(), await session()];
    await bob.join('room');
    let sent = 0;
    for (const data = Buffer.alloc(1000); ann.writable; sent++) ann.multicast('fifo', 'room', data);
    expect(sent).toBeLessThan(5000);
    await ann.drained();
    expect(ann.writable).toBe(true);
    for (let got = 0; got < sent; got++) await message(bob);
  });

  test('who is killed says nothing more', async () => {
    const [ann, bob] = [await session({ name: 'ann' }), await session({ name: 'bob' })];
    await ann.join('room');
    await bob.join('room');
    bob.multicast('agreed', 'room', 'unsaid');
    bob.kill();
    bob.kill();
    expect(() => bob.join('room')).toThrow(/ILLEGAL_SESSION/);
    expect(await ann.receive()).toMatchObject({ kind: 'view', changed: '#ann#solo' });
    expect(await ann.receive()).toMatchObject({ kind: 'view', changed: '#bob#solo', cause: 'join' });
    expect(await ann.receive()).toMatchObject({ kind: 'view', changed: '#bob#solo', cause: 'disconnect' });
  });

  test('messages from a pattern; the parts of a private group', async () => {
    const ann = await session({ name: 'ann' });
    await ann.join('room');
    const factory = new MessageFactory({ level: 'safe', groups: 'room', type: 4 });
    expect(ann.send(factory.create({ data: 'one' }), factory.create({ data: 'two', type: 5 }))).toBe(2);
    const all = [await message(ann), await message(ann)];
    expect(all.map((m) => [m.level, m.type, text(m)])).toEqual([
      ['safe', 4, 'one'],
      ['safe', 5, 'two'],
    ]);
    expect(parsePrivateGroup(ann.privateGroup)).toEqual({ name: 'ann', daemon: 'solo' });
    for (const t of ['room', '#a', '#a#', '##b', '#a#b#c', 'x#a#b']) expect(parsePrivateGroup(t)).toBeUndefined();
  });

  test('events that wait come before those after the first listener', async () => {
    const ann = await session();
    const joined = await ann.join('room');
    ann.multicast('agreed', 'room', 'one');
    while (ann.pending < 2) await new Promise((r) => setImmediate(r));
    const seen: string[] = [];
    const end = new Promise<void>((resolve) => {
      ann.on('view', (v) => seen.push(v.cause));
      ann.on('message', (m) => {
        seen.push(text(m));
        if (seen.length === 3) resolve();
      });
    });
    ann.multicast('agreed', 'room', 'two');
    await end;
    expect(seen).toEqual([joined!.cause, 'one', 'two']);
    await expect(ann.receive()).rejects.toMatchObject({ code: 'ILLEGAL_STATE' });
  });

  test('memory of the caller: whole, in pieces, too short, cut', async () => {
    const ann = await session();
    await ann.join('room');
    expect((await ann.receiveInto(new Uint8Array(0))).event.kind).toBe('view');
    for (const t of ['12345', '12345', '12345']) ann.multicast('agreed', 'room', t);
    const [a, b] = [Buffer.alloc(2), Buffer.alloc(5)];
    expect(await ann.receiveInto([a, b])).toMatchObject({ bytes: 5, lost: 0 });
    expect([a.toString(), b.toString('latin1', 0, 3)]).toEqual(['12', '345']);
    while (ann.pending < 2) await new Promise((r) => setImmediate(r));
    await expect(ann.receiveInto(a)).rejects.toMatchObject({ code: 'BUFFER_TOO_SHORT', number: -15 });
    expect(await ann.receiveInto(a, { drop: true })).toMatchObject({ bytes: 2, lost: 3 });
    expect(ann.poll()).toMatchObject({ kind: 'message' });
    expect(ann.poll()).toBeUndefined();
  });
});

describe('item 50: what is refused before it is sent', () => {
  test.each([
    ['MESSAGE_TOO_LONG', (s: Session) => s.multicast('agreed', 'g', new Uint8Array(139_921))],
    [
      'ILLEGAL_GROUP',
      (s: Session) =>
        s.multicast(
          'agreed',
          Array.from({ length: 101 }, (_, i) => `g${i}`),
          '',
        ),
    ],
    ['ILLEGAL_GROUP', (s: Session) => s.multicast('agreed', 'a b', '')],
    ['ILLEGAL_GROUP', (s: Session) => s.multicast('agreed', '#a', '')],
    ['ILLEGAL_GROUP', (s: Session) => s.join('#a#solo')],
    ['ILLEGAL_GROUP', (s: Session) => s.join('')],
    ['ILLEGAL_MESSAGE_TYPE', (s: Session) => s.multicast('agreed', 'g', '', { type: 40_000 })],
    ['ILLEGAL_SERVICE', (s: Session) => s.multicast('best' as 'safe', 'g', '')],
  ])('%s', async (code, send) => {
    const ann = await session();
    let thrown: unknown;
    try {
      void send(ann);
    } catch (e) {
      thrown = e;
    }
    expect(thrown).toBeInstanceOf(ClientError);
    expect((thrown as ClientError).code).toBe(code);
    await ann.join('g');
    ann.multicast('agreed', 'g', new Uint8Array(139_920));
    expect((await message(ann)).data.length).toBe(139_920);
  });
});

describe('connecting', () => {
  test('a name in use, an illegal one, nobody there, a signal, a silent host', async () => {
    await session({ name: 'ann' });
    await expect(session({ name: 'ann', nameRetries: 0 })).rejects.toMatchObject({
      code: 'REJECT_NOT_UNIQUE',
      number: -6,
    });
    await expect(session({ name: 'a b' })).rejects.toMatchObject({ code: 'REJECT_ILLEGAL_NAME' });
    await expect(session({ at: 'what?' })).rejects.toMatchObject({ code: 'ILLEGAL_SPREAD' });
    for (const port of [0, 99_999, 1.5])
      await expect(session({ port })).rejects.toMatchObject({ code: 'ILLEGAL_SPREAD' });
    await expect(session({ auth: ['IP'] })).rejects.toMatchObject({ code: 'REJECT_AUTH' });
    await expect(session({ signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow('enough');
    const silent = createServer((s) => s.resume());
    await new Promise<void>((r) => silent.listen(0, '127.0.0.1', r));
    const { port } = silent.address() as { port: number };
    await expect(session({ port, timeoutMs: 50 })).rejects.toMatchObject({ code: 'TIMED_OUT' });
    await new Promise((r) => silent.close(r));
    const strict = createServer((s) => s.resume().write('\x05NULL '));
    await new Promise<void>((r) => strict.listen(0, '127.0.0.1', r));
    const at = strict.address() as { port: number };
    await expect(session({ port: at.port, timeoutMs: 200 })).rejects.toThrow(
      /authentication with NULL.*may require a password/,
    );
    await new Promise((r) => strict.close(r));
    await expect(session({ port })).rejects.toMatchObject({ code: 'COULD_NOT_CONNECT' });
  });

  test('the name of a session that just ended is free again', async () => {
    const first = await session({ name: 'ann' });
    await first.disconnect();
    expect((await session({ name: 'ann' })).privateGroup).toBe('#ann#solo');
  });

  test('a daemon that stands still does not hold who leaves', async () => {
    const deaf = createServer({ pauseOnConnect: true });
    await new Promise<void>((r) => deaf.listen(0, '127.0.0.1', r));
    let taken: Socket | undefined;
    deaf.on('connection', (socket) => {
      taken = socket;
      // Lets in without having read anything, and never reads.
      socket.write(Buffer.concat([Buffer.from('\x05NULL '), Buffer.from('\x01\x04\x04\x00\x04#a#b', 'latin1')]));
    });
    const ann = await connect({ port: (deaf.address() as { port: number }).port, name: 'a' });
    await ann.disconnect();
    taken?.destroy();
    await new Promise((r) => deaf.close(r));
  });

  test('the end: iteration is over, later calls say so', async () => {
    const ann = await connect({ port: solo.port });
    const seen: string[] = [];
    const all = (async () => {
      for await (const e of ann) seen.push(e.kind);
    })();
    await ann.join('room');
    await ann[Symbol.asyncDispose]();
    await all;
    expect(seen).toEqual(['view']);
    // The code once: what it says of itself is not said again.
    expect(() => ann.multicast('agreed', 'room', '')).toThrow(/^ILLEGAL_SESSION: (?!.*ILLEGAL_SESSION)/);
    await expect(ann.receive()).rejects.toMatchObject({ code: 'ILLEGAL_SESSION' });
  });
});

/** A stretch of wire between client and daemon that can be cut. */
class Wire {
  readonly sockets = new Set<Socket>();
  private constructor(private readonly server: Server) {}
  static async to(port: number): Promise<Wire> {
    const { connect: dial } = await import('node:net');
    const server = createServer((from) => {
      const to = dial(port, '127.0.0.1');
      for (const [a, b] of [
        [from, to],
        [to, from],
      ] as const) {
        wire.sockets.add(a);
        a.on('error', () => undefined).on('close', () => b.destroy());
        a.pipe(b);
      }
    });
    const wire = new Wire(server);
    await new Promise<void>((r) => server.listen(0, '127.0.0.1', r));
    return wire;
  }
  get port(): number {
    return (this.server.address() as { port: number }).port;
  }
  cut(): void {
    for (const s of this.sockets) s.destroy();
    this.sockets.clear();
  }
  async close(): Promise<void> {
    this.cut();
    await new Promise((r) => this.server.close(r));
  }
}

describe('a lost connection', () => {
  let wire: Wire;
  beforeEach(async () => {
    wire = await Wire.to(solo.port);
  });
  afterEach(() => wire.close());

  test('item 49: without reconnect it is the end, with its reason', async () => {
    const ann = await session({ port: wire.port });
    const joined = ann.join('room');
    await joined;
    const closed = new Promise<ClientError | undefined>((resolve) => ann.once('close', resolve));
    wire.cut();
    expect((await closed)?.code).toBe('CONNECTION_CLOSED');
    expect((await ann.receive()).kind).toBe('view');
    await expect(ann.receive()).rejects.toMatchObject({ code: 'CONNECTION_CLOSED' });
    await expect(ann.drained()).rejects.toMatchObject({ code: 'CONNECTION_CLOSED' });
  });

  test('with reconnect: what was missed, what is in doubt, and the groups again', async () => {
    const other = await session({ name: 'other' });
    await other.join('room');
    const ann = await session({ name: 'ann', port: wire.port, reconnect: { firstMs: 5 } });
    const before = await ann.join('room');
    ann.multicast('agreed', 'room', 'proved');
    expect(text(await message(ann))).toBe('proved');
    ann.multicast('agreed', 'elsewhere', 'no proof', { type: 3 });
    while (!ann.writable) await ann.drained();
    wire.cut();
    const seen: SessionEvent[] = [];
    while (seen.at(-1)?.kind !== 'view') seen.push(await ann.receive());
    expect(seen.map((e) => e.kind)).toEqual(['lost', 'reconnected', 'view']);
    expect(seen[0]).toMatchObject({
      inDoubt: [{ number: 2, groups: ['elsewhere'], type: 3, bytes: 8 }],
      inDoubtUntold: 0,
      // What the user should do is done already.
      why: expect.stringMatching(/^CONNECTION_CLOSED: [^()]+$/),
      groups: [{ group: 'room', view: before!.id }],
    });
    expect(seen[1]).toMatchObject({ privateGroup: '#ann#solo', groups: ['room'] });
    expect((seen[2] as View).members).toEqual(['#ann#solo', '#other#solo']);
    ann.multicast('agreed', 'room', 'again');
    expect(text(await message(ann))).toBe('again');
  });

  test('reconnecting gives up as it was told to, and ends with the session', async () => {
    const ann = await session({ port: wire.port, reconnect: { firstMs: 1, attempts: 2 } });
    const bob = await session({ port: wire.port, reconnect: { firstMs: 10_000 } });
    const closed = new Promise((resolve) => ann.once('close', resolve));
    await wire.close();
    await closed;
    expect((await bob.receive()).kind).toBe('lost');
    await bob.disconnect();
    await expect(bob.receive()).rejects.toMatchObject({ code: 'ILLEGAL_SESSION' });
  });
});

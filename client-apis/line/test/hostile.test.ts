// Clients that mean harm or are broken: garbage, silence, half-open connections, bytes that trickle, output that is never read. The
// port lives, and others are served meanwhile (floodd notes, 4.2; docs/design/line.md, 7).
import { expect, test } from '@jest/globals';
import { Random } from '../../../test/sim/random.js';
import type { CommandFace, Reply, Service, Step } from '../../../core/plugin/index.js';
import { Port } from './port.js';

const within = (
  name: string,
  body: (port: Port) => Promise<void>,
  options?: Readonly<Record<string, string>>,
  service?: Service,
) => test(name, () => Port.within(body, options, service));

const MIB = 1024 * 1024;

within('item 11: garbage of every sort ends its own connection, others are served', async (port) => {
  const good = await port.connect();
  const r = new Random(7);
  const random = Uint8Array.from({ length: MIB }, () => r.below(256));
  const bad = [
    random,
    Buffer.from(`${'x'.repeat(10_240)}\r\n`.repeat(20)),
    Buffer.alloc(100_000),
    Buffer.concat(
      Array.from({ length: 20 }, () => Buffer.from([255, 253, 1, 0x3f, 255, 250, 31, 0, 80, 255, 240, 10])),
    ),
    Buffer.from('nonsense\r\n'.repeat(10)),
    Buffer.from(`POST / HTTP/1.1\r\nHost: localhost\r\n\r\nquit\r\n`),
  ];
  for (const bytes of bad) {
    const client = await port.connect();
    client.send(bytes);
    client.socket.end();
    const said = await client.rest();
    expect(said === '' || /^(500 .*\r\n)*421 .*\r\n$/.test(said)).toBe(true);
    expect(await good.ask('noop')).toBe('250 ok');
  }
});

within('item 11: ten errors in a row: 421 and close', async (port) => {
  const client = await port.connect();
  for (let i = 0; i < 9; i++) expect(await client.ask('what')).toMatch(/^500 /);
  client.send('what\r\nnoop\r\n');
  expect((await client.rest()).split('\r\n').map((line) => line.slice(0, 3))).toEqual(['500', '421', '']);
});

within(
  'the connection over the limit is answered 421, and one that is given back can be had',
  async (port) => {
    const [first] = [await port.connect(), await port.connect()];
    const third = await port.connect(false);
    expect(await third.rest()).toBe('421 too many connections\r\n');
    await first.ask('quit');
    first.socket.end();
    await first.rest();
    for (;;) {
      const next = await port.connect(false);
      if ((await next.line())?.startsWith('220 ') === true) break;
    }
  },
  { max_connections: '2' },
);

within(
  'the silent and the half-open are closed when their time is up, members are not',
  async (port) => {
    const member = await port.connect();
    await member.ask('join room');
    const [silent, uploading] = [await port.connect(), await port.connect()];
    uploading.send('send room\r\nhalf a mess');
    expect(await silent.rest()).toBe('421 idle, closing\r\n');
    expect((await uploading.rest()).split('\r\n').slice(-2)).toEqual(['421 the upload stands still, closing', '']);
    expect(await member.ask('noop')).toBe('250 ok');
  },
  { idle_limit_ms: '400', upload_limit_ms: '300' },
);

within('item 13: one byte at a time is as good as any', async (port) => {
  const [slow, other] = [await port.connect(), await port.connect()];
  for (const byte of Buffer.from('send #x#y\r\n.')) {
    slow.send(Uint8Array.of(byte));
    expect(await other.ask('noop')).toBe('250 ok');
  }
  slow.send('\r\n');
  expect((await slow.reply()).at(-1)).toMatch(/^354/);
  expect((await slow.reply()).at(-1)).toBe('250 agreed 0 #x#y');
});

within('item 13: a client that sends commands and never reads is not obeyed for ever', async (port) => {
  const [deaf, other] = [await port.connect(), await port.connect()];
  deaf.socket.pause();
  // Its commands fill what the system and we keep, then it cannot send any more.
  const burst = 'help\r\n'.repeat(100_000);
  let taken = true;
  for (let i = 0; i < 50 && taken; i++) taken = deaf.socket.write(burst) || deaf.socket.writableLength < 20 * MIB;
  for (let i = 0; i < 20; i++) expect(await other.ask('noop')).toBe('250 ok');
  expect(deaf.socket.writableLength).toBeGreaterThan(MIB);
  expect(process.memoryUsage().rss).toBeLessThan(1024 * MIB);
});

within(
  'item 13: a member that never reads is disconnected, the others go on',
  async (port) => {
    const [deaf, other] = [await port.connect(), await port.connect()];
    await deaf.ask('session deaf');
    await deaf.ask('join room');
    deaf.socket.pause();
    await other.ask('session other');
    const data = 'x'.repeat(100_000);
    while (port.sessions.nameInUse('deaf')) {
      other.send(`post room ${data.length}\n${data}`);
      await other.reply();
    }
    expect(port.sessions.ended.map((end) => [end.name, end.reason])).toEqual([['deaf', 'not-reading']]);
    expect(await other.ask('noop')).toBe('250 ok');
  },
  { max_session_messages: '20' },
);

class Odd implements Service {
  readonly asked: AbortSignal[] = [];
  readonly face: CommandFace = {
    title: 'Odd',
    commands: [
      { name: 'throw', help: 'fails', run: () => this.fail() },
      { name: 'reject', help: 'fails later', run: () => Promise.reject(new Error('rejected on purpose')) },
      {
        name: 'never',
        help: 'does not answer',
        run: (call) => {
          this.asked.push(call.gone);
          return new Promise<Step>(() => undefined);
        },
      },
      {
        name: 'where',
        help: 'says who asks',
        run: ({ address, from }): Reply => ({ code: 250, text: `${address} ${from}` }),
      },
      { name: 'noop', help: 'goes before that of the port', run: (): Reply => ({ code: 250, text: 'mine' }) },
      { name: 'joined', aliases: ['sessions'], help: 'takes a name', run: (): Reply => ({ code: 250, text: 'odd' }) },
    ],
    page: () => Promise.resolve([{ title: 'a <b>', lines: ['1 < 2 & 3'] }]),
  };
  private fail(): never {
    throw new Error('thrown on purpose');
  }
  start(): Promise<void> {
    return Promise.resolve();
  }
  stop(): Promise<void> {
    return Promise.resolve();
  }
}

const odd = new Odd();
within(
  'commands that fail are answered 451 and logged; those that wait learn that the client is gone',
  async (port) => {
    const client = await port.connect();
    expect(await client.ask('throw')).toBe('451 internal error, nothing was done');
    expect(await client.ask('reject')).toBe('451 internal error, nothing was done');
    expect(port.logged.filter((line) => line.includes('on purpose')).length).toBe(2);
    expect(await client.ask('where')).toMatch(/^250 127\.0\.0\.1 127\.0\.0\.1:\d+$/);
    expect(await client.ask('joined')).toBe('250 odd');
    expect(await client.ask('groups')).toBe('219 0 groups');
    expect(await client.ask('joined too many')).toMatch(/^501 too many arguments; usage: joined$/);
    client.send('never\r\n');
    while (odd.asked.length === 0) await new Promise((resolve) => setImmediate(resolve));
    client.socket.resetAndDestroy();
    if (!odd.asked[0]!.aborted) await new Promise((resolve) => odd.asked[0]!.addEventListener('abort', resolve));
    const other = await port.connect();
    expect(await other.ask('noop')).toBe('250 mine');
    expect(await other.ask('quit')).toBe('221 closing');
  },
  {},
  odd,
);

within(
  'a browser gets the page of the service, and nothing it says is obeyed',
  async (port) => {
    const browser = await port.connect(false);
    browser.send('GET /status HTTP/1.1\r\nHost: localhost\r\n\r\n');
    const page = await browser.rest();
    expect(page).toMatch(/^HTTP\/1\.0 200 OK\r\n/);
    expect(page).not.toContain('\n220 ');
    expect(page).toContain('<h2>a &lt;b&gt;</h2>\n<pre>1 &lt; 2 &amp; 3</pre>');
  },
  { greeting_wait_ms: '10 s' },
  new Odd(),
);

within('without a service a browser gets the help', async (port) => {
  const browser = await port.connect();
  browser.send('GET / HTTP/1.0\r\n\r\n');
  expect(await browser.rest()).toContain('&lt;group&gt;');
});

within('a stop while clients send, wait and say nothing is told them all', async (port) => {
  const clients = [await port.connect(), await port.connect(), await port.connect()];
  await clients[0]!.ask('join room');
  clients[1]!.send('receive 5\r\nquit\r\n');
  clients[2]!.send('send room\r\nhalf');
  await clients[2]!.reply();
  await port.api.stop();
  for (const client of clients) expect((await client.rest()).endsWith('421 the daemon stops\r\n')).toBe(true);
  expect(port.sessions.count).toBe(0);
});

// floodd's commands on the text port, each by its original name, with the fields and codes of the floodd notes, 4.2 and 4.3. The
// site behind them is a double; what floods from site to site is seen elsewhere.
import { describe, expect, test } from '@jest/globals';
import { connect, LineError, nearest } from '../../../../client-apis/line/client/index.js';
import { Port } from '../../../../client-apis/line/test/port.js';
import { FloodDouble } from './flood-double.js';

const within = (name: string, body: (port: Port, site: FloodDouble) => Promise<void>) =>
  test(name, async () => {
    const site = new FloodDouble();
    await Port.within((port) => body(port, site), {}, site);
  });

async function until(test: () => boolean): Promise<void> {
  while (!test()) await new Promise((resolve) => setImmediate(resolve));
}

const ORIGINAL = [
  'help',
  'group',
  'groups',
  'data',
  'binary',
  'statistics',
  'topology',
  'nearest',
  'quit',
  'terminate',
];

describe('text port', () => {
  within('item 6: greeting, help with the ten commands, each command by its original name', async (port, site) => {
    const client = await port.connect(false);
    expect(await client.line()).toBe('220 master.test floodd/1.0 site master ready');
    client.send('help\r\n');
    const help = await client.reply();
    for (const name of ORIGINAL) expect(help.some((line) => new RegExp(`^214-  ${name}( |$)`).test(line))).toBe(true);
    for (const [line, code] of [
      ['group g2', '212'],
      ['groups', '213'],
      ['statistics', '211'],
      ['topology g2', '215'],
      ['nearest', '216'],
      ['HELP group', '214'],
      ['TOPO "g one"', '215'],
      ['stat', '211'],
      ['noop', '250'],
    ] as const)
      expect([line, await client.ask(line)]).toEqual([line, expect.stringMatching(`^${code} `)]);
    expect(await client.ask('sta')).toMatch(/^500 /);
    client.send('data\r\nhello\r\n.\r\nbinary 5\r\nbytesquit\r\n');
    expect((await client.rest()).split('\r\n').map((line) => line.slice(0, 4))).toEqual([
      '354 ',
      '250 ',
      '250 ',
      '221 ',
      '',
    ]);
    expect(site.submitted.map(({ text }) => text)).toEqual(['hello\n', 'bytes']);
    for (const alias of ['bye', 'exit', 'close']) expect(await (await port.connect()).ask(alias)).toMatch(/^221 /);
  });

  within(
    'item 7: data: dots, line ends, the end; the end of the stream before the dot floods nothing',
    async (port, site) => {
      const client = await port.connect();
      client.send('data\r\n..x\r\n.y\nz\r\n\r\n.\r\n');
      expect((await client.reply())[0]).toMatch(/^354 /);
      expect((await client.reply())[0]).toBe('250 master 1700000000000 1 8');
      client.send('data g2\r\n.\r\ndata g3\r\ndata g2\r\nsecond\r\n.\r\ndata\r\nnever ended\r\n');
      client.socket.end();
      const codes = (await client.rest()).split('\r\n').map((line) => line.slice(0, 3));
      expect(codes).toEqual(['354', '501', '550', '354', '250', '354', '']);
      expect(site.submitted).toEqual([
        { text: '.x\ny\nz\n\n', group: undefined },
        { text: 'second\n', group: 'g2' },
      ]);
    },
  );

  within('item 8: binary: the bytes as they are, the next command on the same segment', async (port, site) => {
    const client = await port.connect();
    const bytes = Buffer.from([0x0a, 0x00, 0x2e, 0x0a, 0xff]);
    client.send(Buffer.concat([Buffer.from('binary 5\r\n'), bytes, Buffer.from('binary 1 "g one"\r\nxnoop\r\n')]));
    expect([await client.line(), await client.line(), await client.line()]).toEqual([
      '250 master 1700000000000 1 5',
      '250 master 1700000000000 2 1',
      '250 ok',
    ]);
    expect(site.submitted).toEqual([
      { text: bytes.toString('latin1'), group: undefined },
      { text: 'x', group: 'g one' },
    ]);
  });

  within('item 9: binary with a bad size; too large, and usable afterwards', async (port, site) => {
    const client = await port.connect();
    for (const line of ['binary 0', 'binary -1', 'binary x', 'binary', 'binary 5.5', 'binary 1e3'])
      expect([line, await client.ask(line)]).toEqual([line, expect.stringMatching(/^501 /)]);
    client.send(
      `binary 1001\r\n${'noop\n'.repeat(200)}xdata\r\n${'y'.repeat(1001)}\r\n.\r\nbinary 3 g3\r\nabcnoop\r\n`,
    );
    const codes: (string | undefined)[] = [];
    for (let i = 0; i < 5; i++) codes.push((await client.line())?.slice(0, 3));
    expect(codes).toEqual(['552', '354', '552', '550', '250']);
    expect(site.submitted).toEqual([]);
    client.send('binary 1073741825\r\n');
    expect(await client.rest()).toMatch(/^552 .*\r\n$/);
    for (const [why, code] of [
      ['full', '452'],
      ['too-large', '552'],
      ['stopping', '421'],
    ] as const) {
      site.refusal = why;
      expect(await (await port.connect()).ask('binary 1\r\nx')).toMatch(`${code} `);
    }
  });

  within(
    'item 10: the fields of group, groups, topology, statistics, nearest, have, missing; an unknown group',
    async (port) => {
      const client = await port.connect();
      const reply = async (line: string): Promise<string[]> => {
        client.send(`${line}\r\n`);
        return client.reply();
      };
      expect(await reply('group "g one"')).toEqual([
        '212-"far away" far.test 2100 2101 down 12',
        '212-master master.test 0 2001 self 0 master',
        '212 2 members',
      ]);
      expect(await reply('groups')).toEqual([
        '213-"g one" 2 master 1700000000000 3',
        '213-g2 2 master 1700000000000 3',
        '213 2 groups',
      ]);
      expect(await reply('topology g2')).toEqual([
        '215-"far away" master 14.44 12.50 1250000',
        '215 epoch 1700000000000 number 3 edges 1 diameter 1 generator builtin',
      ]);
      expect(await reply('nearest')).toEqual([
        '216-master master.test 0 0.00',
        '216-"far away" far.test 2100 -',
        '216 2 hint',
      ]);
      expect(await reply('have g2')).toEqual(['250-"far away" 5 7 9-9,11-20', '250-master 5 7 -', '250 2']);
      expect(await reply('missing g2')).toEqual(['250-"far away" 5 8-8 gap', '250 1']);
      const statistics = await reply('statistics');
      expect(statistics.slice(0, 4)).toEqual([
        '211-uptime-s 5',
        '211-site master',
        '211-incarnation 1700000000000',
        '211-groups 2',
      ]);
      expect(statistics.at(-1)).toBe('211 end');
      const names = statistics.slice(0, -1).map((line) => /^211-([a-z-]+) \S+$/.exec(line)?.[1]);
      // As in the notes, in their order; dropped-full is ours.
      expect(names.filter((name) => name !== 'dropped-full').join(' ')).toBe(
        'uptime-s site incarnation groups sites-known sites-up sites-down links-up updates-originated updates-received ' +
          'duplicates updates-exported export-runs export-failures export-dropped bytes-stored data-storage-max ' +
          'queued-send queued-export dropped-down dropped-send dropped-export dropped-oversize gaps-abandoned pings ' +
          'bandwidth-probes estimates-sent joins-sent joins-received topologies-computed topologies-received ' +
          'generator-failures protocol-errors',
      );
      for (const line of ['group g3', 'topology g3', 'have g3', 'missing g3', 'update g3', 'data g3'])
        expect([line, await client.ask(line)]).toEqual([line, '550 no group g3 at this site']);
      expect(await client.ask('group')).toMatch(/^501 .*usage: group <group-name>/);
      expect(await client.ask('update g2')).toMatch(/^250 /);
      expect(await client.ask('update "g one"')).toMatch(/^550 this site is not the master/);
    },
  );

  within('item 12: terminate and update from an address that may not, and from one that may', async (port, site) => {
    const client = await port.connect();
    site.admin = false;
    expect(await client.ask('terminate')).toBe('530 not allowed from 127.0.0.1');
    expect(await client.ask('update g2')).toBe('530 not allowed from 127.0.0.1');
    expect(site.terminated).toBe(0);
    site.admin = true;
    client.send('shutdown\r\n');
    expect(await client.rest()).toBe('221 terminating\r\n');
    expect(site.terminated).toBe(1);
  });

  within('item 47: connect and listen: bytes both ways, refusals, one listener at a time', async (port, site) => {
    const [a, b, c] = [await port.connect(), await port.connect(), await port.connect()];
    expect(await a.ask('connect nowhere')).toMatch(/^550 /);
    expect(await a.ask('connect "far away"')).toMatch(/^502 /);
    for (const why of ['unreachable', 'timeout'] as const) {
      site.connectRefusal = why;
      expect(await a.ask('connect "far away"')).toMatch(/^451 /);
    }
    b.send('listen\r\n');
    await c.ask('noop');
    expect(await c.ask('listen')).toMatch(/^450 /);
    const first = Buffer.alloc(300_000, 'first ');
    a.send(Buffer.concat([Buffer.from('connect "far away"\r\n'), first]));
    expect(await a.line()).toBe('250 connected "far away"');
    expect(await b.line()).toBe('250 peer "far away"');
    expect((await b.bytes(first.length)).equals(first)).toBe(true);
    const data = Buffer.from(Uint8Array.from({ length: 10 * 1024 * 1024 }, (_, i) => (i * 7) & 0xff));
    a.send(data);
    b.send(data);
    expect((await a.bytes(data.length)).equals(data)).toBe(true);
    expect((await b.bytes(data.length)).equals(data)).toBe(true);
    b.send('last words');
    b.socket.end();
    expect(await a.rest()).toBe('last words');
    expect(await b.rest()).toBe('');
    // A listener that goes away makes room for another.
    const d = await port.connect();
    d.send('listen\r\n');
    await until(() => site.listening);
    d.socket.resetAndDestroy();
    await until(() => !site.listening);
    const e = await port.connect();
    e.send('listen\r\n');
    await until(() => site.listening);
  });

  within('a browser gets groups, members, topologies and statistics', async (port) => {
    const browser = await port.connect();
    browser.send('GET / HTTP/1.1\r\n\r\n');
    const page = await browser.rest();
    for (const text of [
      'groups',
      'group g one',
      'topology g2',
      'statistics',
      'data-storage-max 16777216',
      'far.test 2100',
    ])
      expect(page).toContain(text);
  });
});

describe('client library', () => {
  within('all calls of the notes', async (port, site) => {
    const client = await connect('127.0.0.1', port.number);
    expect(client.greeting).toBe('master.test floodd/1.0 site master ready');
    expect((await client.groups())[0]).toEqual({
      name: 'g one',
      members: 2,
      masterSite: 'master',
      epoch: 1_700_000_000_000,
      topologyNumber: 3,
    });
    expect((await client.group('g one')).map((m) => [m.site, m.clientPort, m.state, m.lastHeardS, m.master])).toEqual([
      ['far away', 2100, 'down', 12, false],
      ['master', 0, 'self', 0, true],
    ]);
    expect(await client.topology('g2')).toEqual({
      epoch: 1_700_000_000_000,
      number: 3,
      diameter: 1,
      generator: 'builtin',
      edges: [{ a: 'far away', b: 'master', cost: 14.44, rttMs: 12.5, bandwidth: 1_250_000 }],
    });
    expect(await client.statistics()).toMatchObject({ site: 'master', 'data-storage-max': 16_777_216, 'uptime-s': 5 });
    expect(await client.hints()).toMatchObject([
      { site: 'master', rttMs: 0 },
      { site: 'far away', rttMs: undefined },
    ]);
    const data = Buffer.from([1, 10, 0, 46]);
    expect(await client.flood(data, 'g one')).toEqual({
      origin: 'master',
      incarnation: 1_700_000_000_000,
      sequence: 1,
      bytes: 4,
    });
    const many = await Promise.all(Array.from({ length: 50 }, (_, i) => client.flood(Buffer.from(`update ${i}`))));
    expect(many.map((update) => update.sequence)).toEqual(Array.from({ length: 50 }, (_, i) => i + 2));
    expect(site.submitted.length).toBe(51);
    await expect(client.group('nobody')).rejects.toMatchObject({ name: 'LineError', code: 550 });
    await expect(client.flood(new Uint8Array(2000))).rejects.toMatchObject({ code: 552 });
    await client.close();
    await expect(client.groups()).rejects.toBeInstanceOf(LineError);
  });

  within('the nearest of several is the first that answers, and it is remembered', async (port) => {
    const silent = { host: '127.0.0.1', port: 1 };
    const here = { host: '127.0.0.1', port: port.number, name: 'here' };
    expect(await nearest([silent, here])).toBe(here);
    expect(await nearest([silent, here], { timeoutMs: 0 })).toBe(here);
    expect(await nearest([silent], { fresh: true })).toBe(undefined);
    await expect(connect('127.0.0.1', 1)).rejects.toMatchObject({ code: 0 });
  });
});

test('the port listens where the site does, on all addresses if it has none', async () => {
  for (const [listenAddress, shown] of [
    ['127.0.0.3', /^127\.0\.0\.3:\d+$/],
    [undefined, /^(\[::\]|0\.0\.0\.0):\d+$/],
  ] as const) {
    const site = new FloodDouble({ listenAddress });
    await Port.within(
      (port) => {
        expect(port.api.addresses()).toEqual([expect.stringMatching(shown)]);
        return Promise.resolve();
      },
      {},
      site,
    );
  }
});

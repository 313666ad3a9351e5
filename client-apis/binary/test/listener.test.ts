// The binary API on real sockets: what only shows there. Item numbers are those of section 17 of the protocol as
// measured; the handshake itself is tried in session.test.ts, groups in the fixtures.
import { lstatSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { scryptSync } from 'node:crypto';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { spawnSync } from 'node:child_process';
import { describe, expect, test } from '@jest/globals';
import { Service, buildFrame } from '../../../core/wire/frame.js';
import { RawClient, WireClient, choice, hello } from './wire-client.js';
import { withApi } from './world.js';
import type { World } from './world.js';

const ROOM = 'room';
/** A session that takes nothing. */
const DEAF = { deliver: () => undefined, flush: () => undefined, ended: () => undefined };

/** Takes frames up to the first of that kind. */
async function until(client: WireClient, kind: string) {
  for (;;) {
    const event = await client.event();
    if (event === undefined || event.kind === kind) return event;
  }
}

function counted(world: World, reason: string): unknown {
  return world.api.describe()[reason];
}

describe('the door', () => {
  test('item 6: when all sessions are taken the answer is fd, before anything is read', () =>
    withApi({}, async (world) => {
      world.sessions.limit = 1;
      await world.connect('ann');
      const late = await world.raw();
      expect((await late.rest()).toString('hex')).toBe('fd');
      expect(counted(world, 'reject-quota')).toBe(1);
      expect(world.lines.join('\n')).toMatch(/warn .*client refused: all 1 sessions are taken/);
    }));

  test('item 9: list and accept record are each one write', () =>
    withApi({}, async (world) => {
      const client = await world.raw();
      const chunks: string[] = [];
      client.socket.on('data', (chunk: Buffer) => chunks.push(chunk.toString('hex')));
      await client.write(hello('ann'));
      await client.read(6);
      await client.write(choice('NULL'));
      await client.read(14);
      expect(chunks).toEqual(['054e554c4c20', '010404000923616e6e23736f6c6f']);
    }));

  test('item 10: silent and slow clients delay nobody and are ended by the clock', () =>
    withApi({ handshake_timeout_ms: '200' }, async (world) => {
      const silent = await Promise.all(Array.from({ length: 20 }, () => world.raw()));
      const slow = await world.raw();
      await slow.write(Buffer.from('0404000105616263', 'hex'));
      await world.connect('ann');
      expect(world.api.describe()['connections']).toBe(22);
      for (const client of silent) expect((await client.rest()).length).toBe(0);
      expect((await slow.rest()).toString('hex')).toBe('fb');
      expect(counted(world, 'unready')).toBe(20);
      expect(world.sessions.count).toBe(1);
      expect(world.lines.join('\n')).toMatch(/the handshake was not finished: no version and name came/);
    }));

  test('item 11: hello, choice and frames at once, or byte by byte', () =>
    withApi({}, async (world) => {
      const frame = buildFrame({
        service: Service.SAFE,
        sender: '#ann#solo',
        groups: ['#ann#solo'],
        body: Buffer.from('x'),
      });
      const all = Buffer.concat([hello('ann'), choice('NULL'), frame]);
      for (const cut of [all.length, 1]) {
        const client = await world.raw();
        for (let at = 0; at < all.length; at += cut) await client.write(all.subarray(at, at + cut));
        expect((await client.read(6 + 14 + frame.length)).subarray(20)).toEqual(Buffer.from(frame));
        await client.write(buildFrame({ service: Service.KILL, sender: '#ann#solo', groups: [] }));
        await client.rest();
      }
    }));

  test('more handshakes at one time than allowed are refused', () =>
    withApi({ max_handshakes: '2' }, async (world) => {
      const [first] = [await world.raw(), await world.raw()];
      await first.write(Buffer.of(4));
      const third = await world.raw();
      expect((await third.rest()).toString('hex')).toBe('fd');
      first.destroy();
      for (let name = ''; name === '';)
        name = await world.connect('ann').then(
          (c) => c.privateGroup,
          () => '',
        );
    }));

  test('refusals are counted each, logged once in a while', () =>
    withApi({}, async (world) => {
      for (let i = 0; i < 30; i++) {
        const client = await world.raw();
        await client.write(Buffer.of(3, 0, 1, 1));
        expect((await client.rest()).toString('hex')).toBe('f9');
      }
      expect(counted(world, 'reject-version')).toBe(30);
      expect(world.lines.filter((line) => line.includes('reject-version')).length).toBeLessThan(5);
    }));

  test('a port that is taken is a coded error', () =>
    withApi({}, async (world) => {
      await expect(withApi({ port: String(world.port) }, () => Promise.resolve())).rejects.toMatchObject({
        code: 'PEAL_CLIENT_BINARY_LISTEN',
      });
    }));

  test.each([
    [{ required_auth: 'IP' }, 'PEAL_CLIENT_BINARY_AUTH_REQUIRED'],
    [{ host: 'off' }, 'PEAL_CLIENT_BINARY_NOTHING'],
    [{ slow_reader: 'spill' }, 'PEAL_CLIENT_BINARY_NO_STORAGE'],
  ])('options %j are refused as %s', async (options, code) => {
    await expect(withApi(options, () => Promise.resolve())).rejects.toMatchObject({ code });
  });
});

describe('item 12: the Unix socket', () => {
  test('is named after the port, open to all, and gone after the stop', async () => {
    let path = '';
    await withApi({ unix_socket: 'FOLDER/' }, async (world) => {
      path = join(world.folder, String(world.port));
      expect(world.api.addresses()).toEqual([`127.0.0.1:${world.port}`, path]);
      expect(lstatSync(path).mode & 0o777).toBe(0o666);
      const client = await WireClient.connect(path, 'ann');
      await client.multicast(['#ann#solo'], Buffer.from('x'));
      expect(await client.event()).toMatchObject({ kind: 'message' });
      client.destroy();
      await world.api.stop();
      expect(() => lstatSync(path)).toThrow('ENOENT');
    });
  });

  test('needs no TCP', () =>
    withApi({ host: 'off', unix_socket: 'FOLDER/only' }, async (world) => {
      const client = await WireClient.connect(join(world.folder, 'only'), 'ann');
      client.destroy();
    }));

  test('with a path longer than the system takes is refused, and nothing is left where the path would be cut off', () =>
    withApi({}, async (world) => {
      const path = join(world.folder, 'x'.repeat(108));
      const before = readdirSync(world.folder);
      const code = 'PEAL_CLIENT_BINARY_SOCKET_PATH';
      await expect(withApi({ unix_socket: path }, () => Promise.resolve())).rejects.toMatchObject({ code });
      expect(readdirSync(world.folder)).toEqual(before);
    }));

  test('replaces a dead socket', () =>
    withApi({}, async (world) => {
      const path = join(world.folder, 'dead');
      const script = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 9))`;
      spawnSync(process.execPath, ['-e', script]);
      expect(lstatSync(path).isSocket()).toBe(true);
      await withApi({ unix_socket: path }, async () => {
        const client = await WireClient.connect(path, 'ann');
        client.destroy();
      });
    }));

  test.each([
    ['a living socket', 'PEAL_CLIENT_BINARY_SOCKET_IN_USE'],
    ['a file', 'PEAL_CLIENT_BINARY_NOT_A_SOCKET'],
    ['a folder', 'PEAL_CLIENT_BINARY_NOT_A_SOCKET'],
    ['a symbolic link', 'PEAL_CLIENT_BINARY_NOT_A_SOCKET'],
  ])('replaces %s never', (what, code) =>
    withApi({ unix_socket: 'FOLDER/own' }, async (world) => {
      const path = join(world.folder, 'other');
      const server = createServer();
      if (what === 'a file') writeFileSync(path, 'kept');
      else if (what === 'a folder') mkdirSync(path);
      else if (what === 'a symbolic link') symlinkSync(join(world.folder, 'own'), path);
      else await new Promise<void>((resolve) => server.listen(path, resolve));
      const before = lstatSync(path).ino;
      await expect(withApi({ unix_socket: path }, () => Promise.resolve())).rejects.toMatchObject({ code });
      expect(lstatSync(path).ino).toBe(before);
      server.close();
    }),
  );
});

describe('item 8: authentication', () => {
  /** All that comes behind the list, for a client that chooses that method. */
  async function answer(world: World, method: string, extra: Uint8Array = Buffer.alloc(0)): Promise<string> {
    const client = await world.raw();
    await client.write(hello('ann'));
    const [list] = await client.read(1);
    await client.read(list!);
    await client.write(choice(method), extra);
    client.socket.end();
    return (await client.rest()).toString('latin1');
  }

  const ACCEPTED = '\x01\x04\x04\x00\x09#ann#solo';
  const REFUSED = '\xf7';

  test.each([
    ['127.0.0.1', true],
    ['local', true],
    ['127.0.0.0/8 # all of it', true],
    ['127.0.0.1/8', false],
    ['10.0.0.0/8\nunix', false],
    ['not a rule\n300.1.1.1\n127.0.0.0/33', false],
    ['', false],
    ['0.0.0.0/0', true],
  ])('IP with the rules %j: %s', (rules, accepted) =>
    withApi({ allowed_auth: 'NULL, IP', required_auth: 'IP', access_ip_file: 'FOLDER/ip' }, async (world) => {
      writeFileSync(join(world.folder, 'ip'), rules);
      expect(await answer(world, 'NULL')).toBe(accepted ? ACCEPTED : REFUSED);
    }),
  );

  test('IP without a file lets nobody in, and says why', () =>
    withApi({ allowed_auth: 'IP', access_ip_file: 'FOLDER/none' }, async (world) => {
      expect(await answer(world, 'IP')).toBe(REFUSED);
      expect(world.lines.join('\n')).toMatch(/method IP could not be checked: there is no .*none/);
    }));

  test('IP for a client of the Unix socket', () =>
    withApi(
      { allowed_auth: 'NULL, IP', required_auth: 'IP', access_ip_file: 'FOLDER/ip', unix_socket: 'FOLDER/s' },
      async (world) => {
        writeFileSync(join(world.folder, 'ip'), 'unix');
        const client = await WireClient.connect(join(world.folder, 's'), 'ann');
        client.destroy();
        await expect(world.connect('bob')).rejects.toThrow('-9');
      },
    ));

  test('PWORD: entries of scrypt; a wrong password, an unknown user and a strange entry are refused', () =>
    withApi({ allowed_auth: 'PWORD', access_pword_file: 'FOLDER/pw' }, async (world) => {
      const salt = Buffer.from('0123456789abcdef');
      const hash = scryptSync('secret', salt, 32, { cost: 2 ** 4 }).toString('base64');
      const entry = `$scrypt$ln=4,r=8,p=1$${salt.toString('base64')}$${hash}`;
      writeFileSync(
        join(world.folder, 'pw'),
        `# users\nann:${entry}\nold:plain\nbig:${entry.replace('ln=4', 'ln=30')}\n`,
      );
      const credentials = (user: string, password: string) => {
        const b = Buffer.alloc(40);
        b.write(user, 0, 'latin1');
        b.write(password, 32, 'latin1');
        return b;
      };
      expect(await answer(world, 'PWORD', credentials('ann', 'secret'))).toBe(`\x01${ACCEPTED}`);
      for (const [user, password] of [
        ['ann', 'wrong'],
        ['bob', 'secret'],
        ['old', 'plain'],
        ['big', 'secret'],
        ['', ''],
      ])
        expect(await answer(world, 'PWORD', credentials(user!, password!))).toBe(`\x00${REFUSED}`);
      expect(counted(world, 'auth-error')).toBe(2);
      expect(counted(world, 'reject-auth')).toBe(5);
    }));
});

describe('frames', () => {
  const bad: [string, Uint8Array][] = [
    ['two levels', frame({ service: Service.FIFO | Service.AGREED })],
    ['a forged view', frame({ service: Service.AGREED | Service.REG_MEMB | Service.CAUSED_BY_JOIN })],
    ['another sender', frame({ sender: '#ann#solo' })],
    ['a length of 2 GB', longFrame(0x7fffffff)],
    ['one byte above the limit', longFrame(143_952 - 32 + 1)],
  ];

  function frame(o: { service?: number; sender?: string }): Uint8Array {
    return buildFrame({ service: o.service ?? Service.AGREED, sender: o.sender ?? '#bad#solo', groups: [ROOM] });
  }

  function longFrame(length: number): Uint8Array {
    const b = Buffer.from(frame({}));
    b.writeUInt32LE(length, 44);
    return b;
  }

  test.each(bad)('items 17 and 22: %s closes without an answer, others see a disconnect', (_what, bytes) =>
    withApi({}, async (world) => {
      const [ann, client] = [await world.connect('ann'), await world.connect('bad')];
      await ann.join(ROOM);
      await client.join(ROOM);
      await client.event();
      await client.write(bytes);
      expect((await client.rest()).length).toBe(0);
      await ann.event();
      await ann.event();
      expect(await ann.event()).toMatchObject({ kind: 'view', cause: 'disconnect', members: ['#ann#solo'] });
      expect(world.sessions.ended).toMatchObject([{ name: 'bad', reason: 'invalid-frame' }]);
      expect(counted(world, 'invalid-frame')).toBe(1);
    }),
  );

  test('item 18: frames cut at every byte arrive whole', () =>
    withApi({}, async (world) => {
      const ann = await world.connect('ann');
      const one = buildFrame({
        service: Service.SAFE,
        sender: '#ann#solo',
        groups: ['#ann#solo', 'x'],
        body: Buffer.from('body'),
      });
      for (let cut = 1; cut < one.length; cut++) {
        await ann.write(one.subarray(0, cut));
        await ann.write(one.subarray(cut), one);
        expect([await ann.frame(), await ann.frame()]).toEqual([Buffer.from(one), Buffer.from(one)]);
      }
    }));

  test('item 22: 143,952 bytes of groups and data arrive whole', () =>
    withApi({}, async (world) => {
      const ann = await world.connect('ann');
      for (const bytes of [143_119, 143_120, 143_952 - 32]) {
        const data = Buffer.alloc(bytes, bytes & 0xff);
        await ann.multicast(['#ann#solo'], data);
        const event = await ann.event();
        expect(event?.kind === 'message' && Buffer.compare(event.data, data)).toBe(0);
      }
    }));

  test('item 26: a reset, an end of stream and a half frame are a disconnect; whole frames before it count', () =>
    withApi({}, async (world) => {
      const ann = await world.connect('ann');
      await ann.join(ROOM);
      await ann.event();
      for (const how of ['end', 'destroy', 'reset'] as const) {
        const bob = await world.connect('bob');
        await bob.join(ROOM);
        await bob.event();
        await bob.multicast([ROOM], Buffer.from(how));
        await bob.write(frame({ sender: '#bob#solo' }).subarray(0, 60));
        if (how === 'end') bob.socket.end();
        else if (how === 'destroy') bob.socket.destroy();
        else bob.socket.resetAndDestroy();
        expect(await ann.event()).toMatchObject({ cause: 'join' });
        // A reset may reach the daemon before the bytes do, which are lost with it.
        if (how !== 'reset') expect(await ann.event()).toMatchObject({ kind: 'message' });
        expect(await until(ann, 'view')).toMatchObject({ cause: 'disconnect' });
      }
      expect(world.sessions.ended.map((e) => e.reason)).toEqual(['closed', 'closed', 'closed']);
    }));

  test('frames without effect are left out and counted, the session stays', () =>
    withApi({}, async (world) => {
      const ann = await world.connect('ann');
      await ann.send(Service.JOIN, ['#ann#solo']);
      await ann.send(Service.AGREED, [], Buffer.from('to nobody'));
      await ann.join(ROOM);
      expect(await ann.event()).toMatchObject({ kind: 'view', group: ROOM });
      expect(counted(world, 'dropped-frame')).toBe(2);
    }));
});

describe('clients before 4.0', () => {
  const connectOld = (world: World) => world.connect('old', { version: [3, 17, 4] });

  test('get views in their own layout if it is asked for', () =>
    withApi({ old_client_views: 'true' }, async (world) => {
      const [old, ann] = [await connectOld(world), await world.connect('ann')];
      await old.join(ROOM);
      await ann.join(ROOM);
      const body = (await old.frame())!.subarray(48 + 32);
      expect([body.length, body.readUInt32LE(12), body.toString('latin1', 16, 25)]).toEqual([48, 1, '#old#solo']);
      expect((await ann.frame())!.length).toBe(48 + 64 + 56);
    }));

  test('get the layout of 4.x by default, as from the peer', () =>
    withApi({}, async (world) => {
      const old = await connectOld(world);
      await old.join(ROOM);
      expect((await old.frame())!.length).toBe(48 + 32 + 56);
    }));
});

test('a socket that is gone while its bytes wait behind the threshold is a disconnect once they were handled', () =>
  withApi({}, async (world) => {
    const [ann, bob] = [await world.connect('ann'), await world.connect('bob')];
    await ann.join(ROOM);
    await ann.event();
    world.loop.setThreshold('medium');
    await bob.multicast([ROOM], Buffer.from('last'));
    const gone = new Promise((resolve) => bob.socket.once('close', resolve));
    bob.socket.end();
    bob.destroy();
    await gone;
    const other = await new RawClient(world.port).connected();
    other.destroy();
    expect(world.sessions.ended).toEqual([]);
    world.loop.setThreshold('low');
    expect(await ann.event()).toMatchObject({ kind: 'message', sender: '#bob#solo' });
    while (world.sessions.ended.length === 0) await new Promise((resolve) => setImmediate(resolve));
    expect(world.sessions.ended).toMatchObject([{ name: 'bob', reason: 'closed' }]);
  }));

test('what a client sent before it went without reading counts, also when a write to it fails first', () =>
  withApi({}, async (world) => {
    const ann = await world.connect('ann');
    await ann.join(ROOM);
    const bob = await world.connect('bob');
    await bob.join(ROOM);
    world.loop.setThreshold('medium');
    // The first waits behind the threshold, the others in the system, since nobody reads any more. Only three packets: more
    // might still wait on bob's side, where a reset throws them away.
    const texts = ['behind the threshold', 'in the system', 'there as well'];
    for (const text of texts) {
      await bob.multicast([ROOM], Buffer.from(text));
      (await new RawClient(world.port).connected()).destroy();
    }
    bob.socket.resetAndDestroy();
    await new Promise((resolve) => bob.socket.once('close', resolve));
    (await new RawClient(world.port).connected()).destroy();
    const inside = world.sessions.open({ name: 'inside', membership: false, from: 'test', listener: 'test' }, DEAF);
    if (typeof inside === 'string') throw new Error(inside);
    const told = buildFrame({ service: Service.AGREED, sender: inside.privateGroup, groups: [ROOM] });
    for (let i = 0; i < 5; i++) {
      inside.submit(told);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(world.sessions.ended).toEqual([]);
    world.loop.setThreshold('low');
    while (world.sessions.ended.length === 0) await new Promise((resolve) => setImmediate(resolve));
    expect(world.sessions.ended).toMatchObject([{ name: 'bob', reason: 'closed' }]);
    const heard: string[] = [];
    while (heard.length < texts.length) {
      const event = await ann.event();
      if (event?.kind === 'message' && event.sender === '#bob#solo') heard.push(event.data.toString());
    }
    expect(heard).toEqual(texts);
  }));

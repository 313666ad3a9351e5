// The control channel on real Unix sockets: commands, bad input, the path and who may have it.
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { CONTROL_ERRORS, PealError } from '../../core/errors.js';
import type { Logger } from '../../core/plugin/ports.js';
import { ControlClient } from '../../core/runtime/control-client.js';
import { controlPath, MAX_PATH_BYTES } from '../../core/runtime/control-path.js';
import { ControlServer, MAX_CONNECTIONS } from '../../core/runtime/control-server.js';
import { badArgument, MAX_REQUEST_BYTES } from '../../core/runtime/control-wire.js';

let folder: string;
let cleanup: (() => unknown)[];

const log: Logger = {
  error: () => undefined,
  warn: () => undefined,
  info: () => undefined,
  debug: () => undefined,
  verbose: false,
  child: () => log,
};

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'peal-control-'));
  cleanup = [() => rmSync(folder, { recursive: true })];
});

afterEach(async () => {
  for (const fn of cleanup.reverse()) await fn();
});

async function listening(): Promise<ControlServer> {
  const server = new ControlServer(log);
  await server.listen(folder);
  cleanup.push(() => server.close());
  return server;
}

async function connected(): Promise<ControlClient> {
  const client = await ControlClient.connect(folder);
  cleanup.push(() => client.close());
  return client;
}

/** A connection that speaks for itself. */
async function raw(): Promise<Socket> {
  const socket = connect(controlPath(folder));
  cleanup.push(() => socket.destroy());
  await once(socket, 'connect');
  return socket;
}

async function lines(socket: Socket, count: number): Promise<unknown[]> {
  let text = '';
  for (;;) {
    const found = text.split('\n').slice(0, -1);
    if (found.length >= count) return found.map((line) => JSON.parse(line) as unknown);
    const [chunk] = (await once(socket, 'data')) as [Buffer];
    text += chunk.toString();
  }
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => undefined,
    (e: unknown) => e,
  );
  expect(error).toBeInstanceOf(PealError);
  const { code, remedy } = error as PealError;
  expect(remedy).not.toBe('');
  return code;
}

describe('commands', () => {
  test('answer results, many at once, over one connection', async () => {
    const server = await listening();
    server.register('add', ({ a, b }) => Number(a) + Number(b), 'adds');
    server.register('later', () => Promise.resolve({ big: 2n ** 60n }), 'answers later');
    server.register('nothing', () => undefined, 'answers nothing');
    const client = await connected();
    const answers = await Promise.all([
      client.call('add', { a: 1, b: 2 }),
      client.call('later'),
      client.call('nothing'),
      client.call('help'),
    ]);
    expect(answers.slice(0, 3)).toEqual([3, { big: '1152921504606846976' }, null]);
    expect(answers[3]).toContainEqual({ command: 'help', doc: 'lists the commands' });
  });

  test('failures reach the caller with code and remedy', async () => {
    const server = await listening();
    server.register(
      'coded',
      () => {
        throw badArgument('coded', 'x', 'it is missing');
      },
      'fails',
    );
    server.register('broken', () => Promise.reject(new Error('no')), 'fails');
    const client = await connected();
    expect(await codeOf(client.call('coded'))).toBe(CONTROL_ERRORS.BAD_ARGUMENT.code);
    expect(await codeOf(client.call('broken'))).toBe(CONTROL_ERRORS.FAILED.code);
    expect(await codeOf(client.call('nonsense'))).toBe(CONTROL_ERRORS.UNKNOWN_COMMAND.code);
    expect(await client.call('help')).toBeInstanceOf(Array);
  });

  test('a name is registered once', () => {
    expect(() => new ControlServer(log).register('help', () => undefined, '')).toThrow(/registered twice/);
  });

  test('no answer in time, or a connection that ends, is a coded error', async () => {
    const server = await listening();
    server.register('never', () => new Promise(() => undefined), 'never answers');
    const client = await connected();
    expect(await codeOf(client.call('never', {}, 1))).toBe(CONTROL_ERRORS.TIMEOUT.code);
    const second = await connected();
    const open = codeOf(second.call('never'));
    await server.close();
    expect(await open).toBe(CONTROL_ERRORS.CLOSED.code);
    expect(await codeOf(second.call('help'))).toBe(CONTROL_ERRORS.CLOSED.code);
  });
});

describe('bad input', () => {
  test.each([
    ['no JSON', '{', 'null'],
    ['no object', '[1]', 'null'],
    ['no id', '{"command":"help"}', 'null'],
    ['an id that is no id', '{"id":{},"command":"help"}', 'null'],
    ['an endless id', `{"id":"${'x'.repeat(65)}","command":"help"}`, 'null'],
    ['no command', '{"id":4}', '4'],
    ['args that are none', '{"id":4,"command":"help","args":[]}', '4'],
    ['bytes that are no text', '\xff\xfe\0', 'null'],
  ])('%s is answered, and the connection goes on', async (_name, line, id) => {
    await listening();
    const socket = await raw();
    socket.write(Buffer.from(`${line}\n\n{"id":"after","command":"help"}\n`, 'latin1'));
    const [bad, good] = (await lines(socket, 2)) as [
      { id: unknown; ok: boolean; error: { code: string } },
      { id: unknown; ok: boolean },
    ];
    expect([bad.ok, JSON.stringify(bad.id), bad.error.code]).toEqual([false, id, CONTROL_ERRORS.BAD_REQUEST.code]);
    expect(good).toMatchObject({ id: 'after', ok: true });
  });

  test('requests in pieces are put together', async () => {
    await listening();
    const socket = await raw();
    for (const piece of ['{"id":1,', '"comm', 'and":"help"}', '\n{"id":2,"command":"help"}\n']) {
      socket.write(piece);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await lines(socket, 2)).toMatchObject([{ id: 1 }, { id: 2 }]);
  });

  test('a line without an end is refused and the connection closed', async () => {
    await listening();
    const socket = await raw();
    socket.write(Buffer.alloc(MAX_REQUEST_BYTES + 1, 'x'));
    expect(await lines(socket, 1)).toMatchObject([{ ok: false, error: { code: CONTROL_ERRORS.LINE_TOO_LONG.code } }]);
    if (!socket.closed) await once(socket, 'close');
  });

  test('a client that sends a request and closes its half gets its answer', async () => {
    await listening();
    const socket = await raw();
    socket.end('{"id":1,"command":"help"}\n');
    expect(await lines(socket, 1)).toMatchObject([{ id: 1, ok: true }]);
  });

  test('connections are limited', async () => {
    await listening();
    const sockets = await Promise.all(Array.from({ length: MAX_CONNECTIONS }, () => raw()));
    const one = await raw();
    expect(await lines(one, 1)).toMatchObject([{ ok: false, error: { code: CONTROL_ERRORS.TOO_MANY.code } }]);
    sockets[0]!.write('{"id":1,"command":"help"}\n');
    expect(await lines(sockets[0]!, 1)).toMatchObject([{ ok: true }]);
  });

  test('a daemon that answers nonsense is a coded error of the caller', async () => {
    const server: Server = createServer((socket) => socket.once('data', () => socket.write('nonsense\n')));
    server.listen(controlPath(folder));
    await once(server, 'listening');
    const client = await connected();
    expect(await codeOf(client.call('status'))).toBe(CONTROL_ERRORS.BAD_ANSWER.code);
    await new Promise((resolve) => server.close(resolve));
  });
});

describe('the path', () => {
  test('socket and folder are closed to others; the socket goes with the server', async () => {
    chmodSync(folder, 0o755);
    const server = await listening();
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(statSync(server.path!).mode & 0o777).toBe(0o600);
    await server.close();
    await server.close();
    expect(existsSync(controlPath(folder))).toBe(false);
  });

  test('no daemon there is a coded error, with or without a dead socket', async () => {
    expect(await codeOf(ControlClient.connect(folder))).toBe(CONTROL_ERRORS.NOT_RUNNING.code);
    await deadSocket();
    expect(await codeOf(ControlClient.connect(folder))).toBe(CONTROL_ERRORS.NOT_RUNNING.code);
  });

  test('a dead socket is taken out of the way, a living one is not', async () => {
    await deadSocket();
    await listening();
    expect(await codeOf(new ControlServer(log).listen(folder))).toBe(CONTROL_ERRORS.ALREADY_RUNNING.code);
    expect(await (await connected()).call('help')).toBeInstanceOf(Array);
  });

  test('nothing is done through a symbolic link, or to what is no socket', async () => {
    const real = join(folder, 'real');
    mkdirSync(real, { mode: 0o700 });
    symlinkSync(real, join(folder, 'link'));
    expect(await codeOf(new ControlServer(log).listen(join(folder, 'link')))).toBe(CONTROL_ERRORS.UNSAFE.code);
    symlinkSync(join(folder, 'elsewhere'), controlPath(real));
    expect(await codeOf(new ControlServer(log).listen(real))).toBe(CONTROL_ERRORS.UNSAFE.code);
    writeFileSync(controlPath(folder), 'precious');
    expect(await codeOf(new ControlServer(log).listen(folder))).toBe(CONTROL_ERRORS.UNSAFE.code);
    expect(await codeOf(new ControlServer(log).listen(join(folder, 'missing')))).toBe(CONTROL_ERRORS.UNSAFE.code);
  });

  test('a path the system does not take is a coded error at both ends', async () => {
    const long = join(folder, 'x'.repeat(MAX_PATH_BYTES));
    expect(await codeOf(new ControlServer(log).listen(long))).toBe(CONTROL_ERRORS.PATH_TOO_LONG.code);
    expect(await codeOf(ControlClient.connect(long))).toBe(CONTROL_ERRORS.PATH_TOO_LONG.code);
  });

  /** What a killed daemon leaves behind: a socket moved away from its server keeps its name when that closes. */
  async function deadSocket(): Promise<void> {
    const server = createServer();
    server.listen(join(folder, 'dying'));
    await once(server, 'listening');
    renameSync(join(folder, 'dying'), controlPath(folder));
    await new Promise((resolve) => server.close(resolve));
  }
});

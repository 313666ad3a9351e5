// `peal user` and `peal watch` by their scripts, against a real daemon in this process.
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { PassThrough, Readable } from 'node:stream';
import { connect } from '../../client-apis/binary/client/index.js';
import { type Solo, startSolo } from '../../test/fixture-replay/solo.js';
import { load, told } from '../load.js';
import { line, plain, printable, who } from '../show.js';
import { user } from '../user.js';
import { CommandError, parseCommand } from '../user-commands.js';
import { watch } from '../watch.js';

let solo: Solo;
beforeEach(async () => {
  solo = await startSolo();
});
afterEach(() => solo.stop());

const at = (): string => `${solo.port}@127.0.0.1`;

/** Runs a script; answers exit code and lines. */
async function script(text: string, name = 'ann'): Promise<{ code: number; lines: string[] }> {
  const output = new PassThrough();
  const code = await user({ at: at(), name }, { input: Readable.from([text]), output, interactive: false });
  output.end();
  return { code, lines: (await output.toArray()).join('').split('\n').slice(0, -1) };
}

describe('peal user', () => {
  test('everything the test program of the peer does', async () => {
    const { code, lines } = await script(
      [
        'j room',
        'wait view',
        's room hello  you',
        'wait message',
        'level safe',
        'type -3',
        's room,other',
        'the next line',
        'wait message',
        'b room 2 30',
        'wait 2 message',
        'w room',
        'g',
        'me',
        'd',
        's room hidden',
        'r',
        'p',
        'e',
        'l room',
        'wait 2 event',
        'q',
        'never',
      ].join('\n'),
    );
    expect(code).toBe(0);
    expect(lines).toEqual([
      'connected as ann@solo (#ann#solo); help shows the commands',
      '[room] joined: ann@solo; 1 member: ann@solo',
      '[room] ann@solo (agreed): hello  you',
      'level safe',
      '[room other] ann@solo (safe, type -3): the next line',
      '[room] ann@solo (safe, type -3): message 1 of 2 ...............',
      '[room] ann@solo (safe, type -3): message 2 of 2 ...............',
      '  ann@solo (we)',
      'room',
      '#ann#solo on solo, version 4.4.0',
      '[room] ann@solo (safe, type -3): hidden',
      'nothing waits',
      '[room] left',
    ]);
  });

  test('wrong lines say how it goes, and the next one counts', async () => {
    const { code, lines } = await script('what\njoin\nlevel best\ntype 99999\nsend a#b x\nwho room\nme\n');
    expect(code).toBe(0);
    expect(lines.slice(1)).toEqual([
      'no command "what"; help shows all',
      'join GROUP...: the name of a group is needed',
      expect.stringMatching(/^level .*: one of unreliable, .* is needed$/),
      'type NUMBER: a number from -32768 to 32767 is needed',
      expect.stringContaining('ILLEGAL_GROUP'),
      'no view of room was seen: join it',
      '#ann#solo on solo, version 4.4.0',
    ]);
  });

  test('the end of the session ends it, with the reason', async () => {
    const input = new PassThrough();
    const output = new PassThrough();
    const done = user({ at: at() }, { input, output, interactive: false });
    let said = '';
    await new Promise<void>((r) =>
      output.on('data', (chunk: Buffer) => {
        said += chunk.toString();
        r();
      }),
    );
    await solo.api.stop();
    expect(await done).toBe(1);
    expect(said).toContain('CONNECTION_CLOSED');
  });

  test('nobody there', async () => {
    await expect(
      user({ at: '1@127.0.0.1' }, { input: Readable.from([]), output: new PassThrough(), interactive: false }),
    ).rejects.toMatchObject({ code: 'COULD_NOT_CONNECT' });
  });
});

describe('its language', () => {
  test.each([
    ['', { do: 'nothing' }],
    ['# remark', { do: 'nothing' }],
    ['join a b,c', { do: 'join', groups: ['a', 'b', 'c'] }],
    ['send a,#b#c  two  words ', { do: 'send', groups: ['a', '#b#c'], text: ' two  words ' }],
    ['burst a', { do: 'burst', groups: ['a'], count: 10, bytes: 100 }],
    ['wait', { do: 'wait', for: 'event', count: 1 }],
    ['wait 3 view', { do: 'wait', for: 'view', count: 3 }],
    ['discard on', { do: 'discard', on: true }],
    ['e', { do: 'show', on: true }],
    ['d', { do: 'show', on: false }],
  ])('%j', (text, command) => {
    expect(parseCommand(text)).toEqual(command);
  });

  test.each(['wait x', 'wait 0 view', 'burst', 'discard', 'sleep -1', 'nope'])('%j is refused', (text) => {
    expect(() => parseCommand(text)).toThrow(CommandError);
  });
});

test('events as lines and as plain objects', () => {
  expect(who('#a#b')).toBe('a@b');
  expect(who('room')).toBe('room');
  expect(printable(Uint8Array.of(97, 0x1b, 0x5b, 0xff))).toBe('a\\x1b[.');
  expect(printable(Buffer.alloc(2000, 'x'), 5)).toBe('xxxxx... (2000 bytes)');
  const view = {
    kind: 'view',
    cause: 'network',
    group: 'g',
    members: ['#a#x', '#b#y'],
    id: { number: 1, time: 2, index: 3 },
    ownIndex: 0,
    changed: undefined,
    sets: [['#a#x'], ['#b#y']],
    localSet: 0,
    together: ['#a#x'],
  } as const;
  expect(line(view)).toBe('[g] the network changed; 2 members: a@x b@y; came from elsewhere: b@y');
  expect(plain(view)).toMatchObject({ id: '00000001.2.3', members: ['#a#x', '#b#y'] });
  const message = {
    kind: 'message',
    level: 'agreed',
    service: 16,
    sender: '#a#x',
    groups: ['g'],
    type: 0,
    bigEndian: false,
  } as const;
  expect(plain({ ...message, data: Buffer.from('text') })).toMatchObject({ text: 'text' });
  expect(plain({ ...message, data: Buffer.from([0xff, 0xfe]) })).toMatchObject({ base64: '//4=' });
});

test('peal watch prints what happens and ends after its count', async () => {
  const lines: string[] = [];
  const end = new AbortController();
  const ready = new Promise<void>((resolve) => {
    void watch(
      ['room'],
      { at: at(), json: true, reconnect: false, count: 2 },
      (l) => {
        lines.push(l);
        if (lines.length === 1) resolve();
      },
      end.signal,
    ).then(() => done());
  });
  let done = (): void => undefined;
  const over = new Promise<void>((resolve) => (done = resolve));
  await ready;
  const s = await connect({ port: solo.port });
  for (const t of ['one', 'two', 'three']) s.multicast('agreed', 'room', t);
  await over;
  await s.disconnect();
  expect(lines.map((l) => JSON.parse(l) as unknown)).toEqual([
    expect.objectContaining({ kind: 'view', cause: 'join' }),
    expect.objectContaining({ kind: 'message', text: 'one' }),
    expect.objectContaining({ kind: 'message', text: 'two' }),
  ]);
});

test('peal load counts what arrives, and its order', async () => {
  const lines: string[] = [];
  const options = {
    at: [at()],
    group: 'g',
    level: 'agreed',
    messages: 500,
    bytes: 64,
    senders: 3,
    rate: 0,
    patienceMs: 5000,
  } as const;
  const f = await load(options, (l) => lines.push(l), new AbortController().signal);
  expect(f).toMatchObject({ sent: 1500, received: 4500, lost: 0, outOfOrder: 0, sameOrder: true, senders: 3 });
  expect(f.latencyMicros.p50).toBeLessThanOrEqual(f.latencyMicros.max);
  expect(told(f).join('\n')).toContain('one order at all');
  const paced = await load(
    { ...options, senders: 1, messages: 20, rate: 1000 },
    () => undefined,
    new AbortController().signal,
  );
  expect(paced.received).toBe(20);
});

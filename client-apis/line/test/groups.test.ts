// Ordered groups by the text port: what a person with telnet and a shell script see (docs/design/line.md, 4 and 5).
import { describe, expect, test } from '@jest/globals';
import { LEVEL_BITS, escaped, eventBytes } from '../events.js';
import { readLineEvent, unescaped } from '../client/events.js';
import type { FrameEvent } from '../../../core/wire/event.js';
import { Port } from './port.js';

const within = (name: string, body: (port: Port) => Promise<void>, options?: Readonly<Record<string, string>>) =>
  test(name, () => Port.within(body, options));

describe('in groups', () => {
  within('two people talk', async (port) => {
    const [ann, bob] = [await port.connect(), await port.connect()];
    expect(await ann.ask('session ann')).toBe('230 #ann#solo');
    expect(await bob.ask('SESS bob')).toBe('230 #bob#solo');
    ann.send('join room\r\n');
    expect([await ann.line(), await ann.line()].sort()).toEqual([
      expect.stringMatching(/^\* view room join #ann#solo \d+\.\d+\.\d+ 1 #ann#solo$/),
      '250 joining room',
    ]);
    bob.send('join room\r\n');
    expect(await ann.line()).toMatch(/^\* view room join #bob#solo \S+ 2 #ann#solo #bob#solo$/);
    expect((await bob.reply()).at(-1)).toBe('250 joining room');
    expect(await bob.ask('level SAFE')).toBe('217 level safe');
    expect(await bob.ask('type -7')).toBe('217 type -7');
    bob.send('send room,#ann#solo  two  blanks, "quotes"\r\n');
    expect(await ann.line()).toBe('* message #bob#solo safe -7 2 room #ann#solo 22  two  blanks, "quotes"');
    ann.send('members room\r\njoined\r\nmembers elsewhere\r\n');
    expect(await ann.reply()).toEqual(['218-#ann#solo self', '218-#bob#solo', '218 2 members']);
    expect(await ann.reply()).toEqual(['219-room 2', '219 1 groups']);
    expect(await ann.reply()).toEqual(['550 no view of elsewhere: join it first']);
    expect(await ann.ask('leave room')).toBe('250 leaving room');
    expect(await ann.ask('joined')).toBe('219 0 groups');
    expect(await ann.ask('leave room')).toBe('550 not a member of room');
    bob.send('quit\r\n');
    expect((await bob.rest()).endsWith('221 closing\r\n')).toBe(true);
    expect(port.sessions.count).toBe(1);
  });

  within('lines and bytes are sent whole, and come back as one line or as a block', async (port) => {
    const ann = await port.connect();
    await ann.ask('session ann');
    ann.send('send #ann#solo\r\nfirst\r\n..second\r\n.\r\n');
    expect([await ann.line(), await ann.line()]).toEqual([
      '354 send lines, end with a line that holds a single dot',
      '* message #ann#solo agreed 0 1 #ann#solo 14 first\\n.second\\n',
    ]);
    expect(await ann.line()).toBe('250 agreed 14 #ann#solo');
    await ann.ask('format binary');
    ann.send(
      Buffer.concat([Buffer.from('post #ann#solo 5\n'), Buffer.from([0, 10, 46, 255, 13]), Buffer.from('noop\n')]),
    );
    expect(await ann.line()).toBe('* block #ann#solo agreed 0 1 #ann#solo 5');
    expect(await ann.bytes(7)).toEqual(Buffer.from([0, 10, 46, 255, 13, 13, 10]));
    expect([await ann.line(), await ann.line()]).toEqual(['250 agreed 5 #ann#solo', '250 ok']);
    expect(await ann.ask('discard on')).toBe('217 discard on');
    expect(await ann.ask('send #ann#solo nobody hears this')).toBe('250 agreed 17 #ann#solo');
    expect(await ann.ask('noop')).toBe('250 ok');
  });

  within('a script of one segment waits for its own view, sends, waits again and quits', async (port) => {
    const script = await port.connect(false);
    script.send('session s\r\njoin g\r\nreceive view\r\nsend g hello\r\nrece 1 messages within 60\r\nquit\r\n');
    script.socket.end();
    const said = (await script.rest()).split('\r\n').slice(1, -1);
    expect(said.filter((line) => !line.startsWith('* '))).toEqual([
      '230 #s#solo',
      '250 joining g',
      '250 1 events',
      '250 agreed 5 g',
      '250 1 events',
      '221 closing',
    ]);
    expect(said.filter((line) => line.startsWith('* message'))).toEqual(['* message #s#solo agreed 0 1 g 5 hello']);
  });

  within('receive off holds events back until they are asked for, and time may be up', async (port) => {
    const [ann, bob] = [await port.connect(), await port.connect()];
    await ann.ask('session ann');
    expect(await ann.ask('receive off')).toBe('250 receive off');
    for (let i = 0; i < 4; i++) await bob.ask(`send #ann#solo m${i}`);
    ann.send('noop\r\nreceive 2\r\nreceive 9 messages within 0\r\nreceive within 0\r\n');
    const lines: (string | undefined)[] = [];
    for (let i = 0; i < 8; i++) lines.push(await ann.line());
    expect(lines.map((line) => line!.replace(/.* (m\d)$/, '$1'))).toEqual([
      '250 ok',
      'm0',
      'm1',
      '250 2 events',
      'm2',
      'm3',
      '251 2 events',
      '251 0 events',
    ]);
    expect(await ann.ask('receive sometimes')).toMatch(/^501 /);
    expect(await ann.ask('receive on')).toBe('250 receive on');
  });

  within(
    'who holds back too much is disconnected',
    async (port) => {
      const [ann, bob] = [await port.connect(), await port.connect()];
      await ann.ask('session ann');
      await ann.ask('receive off');
      for (let i = 0; i < 6; i++) await bob.ask('send #ann#solo x');
      await ann.rest();
      expect(port.sessions.ended.map((end) => [end.name, end.reason])).toEqual([['ann', 'not-reading']]);
      expect(await bob.ask('noop')).toBe('250 ok');
    },
    { max_session_messages: '5' },
  );

  within('what cannot be is refused', async (port) => {
    const ann = await port.connect();
    for (const [line, code] of [
      ['session bad#name', '553'],
      ['join', '501'],
      ['join #ann#solo', '501'],
      ['join "a b"', '501'],
      ['leave room', '550'],
      ['members room', '550'],
      ['send a,,b x', '501'],
      [`send ${Array.from({ length: 101 }, (_, i) => `g${i}`).join(',')} x`, '501'],
      ['post g minus', '501'],
      ['post g -1', '501'],
      ['post g 99999999999', '552'],
    ] as const)
      expect([line, await ann.ask(line)]).toEqual([line, expect.stringMatching(`^${code} `)]);
    const bob = await port.connect();
    expect(await bob.ask('level sure')).toMatch(/^501 .*agreed/);
    expect(await bob.ask('type 40000')).toMatch(/^501 /);
    expect(await bob.ask('session bob')).toBe('230 #bob#solo');
    expect(await bob.ask('session bert')).toBe('503 the session is #bob#solo already');
    const other = await port.connect();
    expect(await other.ask('session bob')).toBe('553 the name is in use');
    port.sessions.limit = 1;
    expect(await other.ask('join g')).toBe('450 all sessions are taken');
    bob.send(`post g 200000\n${'x'.repeat(200_000)}noop\n`);
    expect(await bob.line()).toMatch(/^552 at most 143920 bytes/);
    expect(await bob.line()).toBe('250 ok');
  });

  within('help shows all, and more about one', async (port) => {
    const ann = await port.connect();
    ann.send('help\r\nhelp receive\r\nhelp nothing\r\n');
    const all = await ann.reply();
    for (const name of ['session', 'join', 'leave', 'send', 'post', 'receive', 'members', 'joined', 'level', 'quit'])
      expect(all.some((line) => line.startsWith(`214-  ${name} `))).toBe(true);
    expect((await ann.reply()).some((line) => line.includes('* message <sender>'))).toBe(true);
    expect((await ann.reply())[0]).toMatch(/^500 /);
    expect(await ann.ask('rec')).toMatch(/^500 unknown/);
    expect(await ann.ask('groups')).toBe('219 0 groups');
  });
});

describe('events as lines and back', () => {
  const id = { number: 7, time: 8, index: 9 };
  const view = (cause: 'join' | 'network', sets: readonly (readonly string[])[], localSet: number): FrameEvent => ({
    kind: 'view',
    cause,
    group: 'g',
    members: sets.flat(),
    id,
    sets,
    localSet,
  });
  const text = (event: FrameEvent): string => Buffer.from(eventBytes(event, 'text')).toString().slice(2, -2);

  test('memberships', () => {
    expect(text(view('join', [['#a#x']], 0))).toBe('view g join #a#x 7.8.9 1 #a#x');
    const network = text(view('network', [['#b#y'], ['#a#x', '#c#x'], ['#d#z']], 1));
    expect(network).toBe('view g network - 7.8.9 4 #b#y #a#x #c#x #d#z together 2 #a#x #c#x apart 1 #b#y apart 1 #d#z');
    expect(readLineEvent(network, undefined)).toMatchObject({
      together: ['#a#x', '#c#x'],
      apart: [['#b#y'], ['#d#z']],
      members: ['#b#y', '#a#x', '#c#x', '#d#z'],
    });
    expect(text({ kind: 'transitional', group: 'g', id })).toBe('transitional g 7.8.9');
    expect(text({ kind: 'left', group: 'g' })).toBe('left g');
  });

  test('any bytes become one line of printable text, and the bytes again', () => {
    const samples = [
      Buffer.from(''),
      Buffer.from('plain text'),
      Buffer.from('Grüße, 你好 🔔 \\ back'),
      Buffer.from('a\nb\rc\td\0e\x1b[2J\x7f\u0085\u009b'),
      Buffer.from([0xff, 0xfe, 0x80, 0x41]),
      Buffer.from(Uint8Array.from({ length: 256 }, (_, i) => i)),
    ];
    for (const data of samples) {
      const shown = Buffer.from(escaped(data)).toString();
      expect(shown).not.toMatch(/\p{Cc}/u);
      expect(Buffer.from(unescaped(shown)!)).toEqual(data);
      const event: FrameEvent = {
        kind: 'message',
        service: LEVEL_BITS.fifo,
        sender: '#a#x',
        groups: ['g', 'h'],
        type: 5,
        bigEndian: false,
        data,
      };
      const back = readLineEvent(text(event), undefined);
      expect(back).toMatchObject({ kind: 'message', level: 'fifo', sender: '#a#x', groups: ['g', 'h'], type: 5 });
      expect(back?.kind === 'message' && Buffer.from(back.data).equals(data)).toBe(true);
    }
    expect(escaped(samples[2]!)).not.toBe(samples[2]);
    expect(Buffer.from(escaped(samples[2]!)).toString()).toBe('Grüße, 你好 🔔 \\\\ back');
    for (const wrong of ['\\', 'a\\q', '\\x1', '\\xgg']) expect(unescaped(wrong)).toBe(undefined);
  });
});

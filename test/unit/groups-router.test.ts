// The path of messages: who gets which frames, in which slices (docs/design/groups.md 8).
import { expect, test } from '@jest/globals';
import { createGroups } from '../../core/machine/groups/index.js';
import type { Bytes } from '../../core/machine/types.js';
import { Service, buildFrame, writeU32 } from '../../core/wire/frame.js';
import { Daemon, Side, concat, configuration, exchange, join, kill, leave, message, regular } from './groups-world.js';

function setup(): { alpha: Daemon; beta: Daemon; side: Side; a: number; b: number } {
  const alpha = new Daemon({ name: 'alpha', place: 0, incarnation: 1n });
  const beta = new Daemon({ name: 'beta', place: 1, incarnation: 2n });
  const side = regular({ number: 7, time: 1 }, [], [alpha, beta]);
  exchange(side.daemons);
  const a = alpha.attach('a', false);
  const b = alpha.attach('b', false);
  return { alpha, beta, side, a, b };
}

const text = (frames: Bytes[]): string[] => frames.map((f) => new TextDecoder().decode(f.subarray(f.length - 2)));

test('consecutive frames for the same sessions are one slice of the pack', () => {
  const { alpha, beta, side, a, b } = setup();
  // Joined in different order: the lists are equal all the same.
  side.frames(alpha, join('#a#alpha', 'g'), join('#b#alpha', 'g'), join('#b#alpha', 'h'), join('#a#alpha', 'h'));
  const pack = ['g', 'h', 'g'].map((g, i) => message('#x#beta', [g], `m${i}`));
  side.frames(beta, ...pack, message('#x#beta', ['g', 'h'], 'm3'), message('#y#beta', ['h', 'g', 'h'], 'm4'));
  expect(alpha.received.get(a)!.slices).toBe(1);
  expect(alpha.received.get(b)!.slices).toBe(1);
  expect(text(alpha.take(a))).toEqual(['m0', 'm1', 'm2', 'm3', 'm4']);
});

test('a run ends where the recipients change, also to nobody', () => {
  const { alpha, beta, side, a, b } = setup();
  side.frames(alpha, join('#a#alpha', 'g'), join('#b#alpha', 'g'), join('#b#alpha', 'h'));
  const to = (g: string, m: string): Bytes => message('#x#beta', [g], m);
  side.frames(beta, to('g', 'm0'), to('h', 'm1'), to('h', 'm2'), to('nobody', 'm3'), to('h', 'm4'), to('g', 'm5'));
  expect(text(alpha.take(a))).toEqual(['m0', 'm5']);
  expect(text(alpha.take(b))).toEqual(['m0', 'm1', 'm2', 'm4', 'm5']);
  expect(alpha.received.get(b)!.slices).toBe(4);
  expect(beta.received.size).toBe(0);
});

test('one copy for a session that matches several destinations, private group included', () => {
  const { alpha, side, a, b } = setup();
  side.frames(alpha, join('#a#alpha', 'g'), join('#a#alpha', 'h'), join('#b#alpha', 'h'));
  side.frames(alpha, message('#b#alpha', ['g', '#a#alpha', 'h', 'g', '#c#alpha', '#a#beta'], 'm0'));
  expect(text(alpha.take(a))).toEqual(['m0']);
  expect(text(alpha.take(b))).toEqual(['m0']);
  const hundred = Array.from({ length: 99 }, (_, i) => `none${i}`);
  side.frames(alpha, message('#b#alpha', [...hundred, 'g'], 'm1'));
  expect(text(alpha.take(a))).toEqual(['m1']);
  expect(alpha.take(b)).toEqual([]);
});

test('SELF_DISCARD leaves out the sending session only, and a session of the same name elsewhere is no sender', () => {
  const { alpha, beta, side, a, b } = setup();
  side.frames(alpha, join('#a#alpha', 'g'), join('#b#alpha', 'g'));
  const quiet = Service.FIFO | Service.SELF_DISCARD;
  side.frames(alpha, message('#a#alpha', ['g'], 'm0', quiet), message('#a#alpha', ['g'], 'm1', quiet));
  side.frames(alpha, message('#a#alpha', ['#a#alpha'], 'm2', quiet), message('#a#alpha', ['g'], 'm3'));
  side.frames(beta, message('#a#beta', ['g'], 'm4', quiet));
  expect(text(alpha.take(a))).toEqual(['m3', 'm4']);
  expect(text(alpha.take(b))).toEqual(['m0', 'm1', 'm3', 'm4']);
});

test('joins, leaves and disconnects take effect at their place inside a pack', () => {
  const { alpha, side, a, b } = setup();
  const m = (i: number): Bytes => message('#a#alpha', ['g'], `m${i}`);
  side.frames(alpha, m(0), join('#b#alpha', 'g'), m(1), leave('#b#alpha', 'g'), m(2), join('#b#alpha', 'g'), m(3));
  side.frames(
    alpha,
    message('#a#alpha', ['#b#alpha'], 'p1'),
    kill('#b#alpha'),
    m(4),
    message('#a#alpha', ['#b#alpha'], 'p2'),
  );
  expect(text(alpha.take(b))).toEqual(['m1', 'm3', 'p1']);
  expect(alpha.take(a)).toEqual([]);
  expect(alpha.gone).toEqual([b]);
});

test('a range of a pack is delivered to its ends', () => {
  const { alpha, side, a } = setup();
  side.frames(alpha, join('#a#alpha', 'g'));
  const pack = concat([0, 1, 2, 3].map((i) => message('#a#alpha', ['g'], `m${i}`)));
  const size = pack.length / 4;
  alpha.machine.frames(0, pack, size, 3 * size);
  expect(text(alpha.take(a))).toEqual(['m1', 'm2']);
  expect(alpha.received.get(a)!.slices).toBe(1);
});

test('a session detached from inside a delivery receives nothing more; its name stays taken until its disconnect', () => {
  const got: string[] = [];
  const gone: number[] = [];
  const machine = createGroups('solo', {
    deliver: (session, frames, messages) => {
      got.push(`${session}:${messages}:${frames.length}`);
      if (session === 1) machine.detach(2);
    },
    gone: (session) => gone.push(session),
    submitState: (messages) => messages.forEach((m) => machine.state(0, m)),
    exchanged: () => got.push('exchanged'),
  });
  const solo = { name: 'solo', place: 3, incarnation: 1n };
  machine.regular(configuration({ number: 1, time: 1 }, [solo], solo), []);
  for (const id of [1, 2, 3]) machine.attach(id, `s${id}`, false);
  const run = (...frames: Bytes[]): void => machine.frames(0, concat(frames), 0, concat(frames).length);
  run(...['#s1#solo', '#s2#solo', '#s3#solo'].map((s) => join(s, 'g')));
  const m = message('#s3#solo', ['g', '#s2#solo'], 'm');
  run(m, m);
  expect(got).toEqual(['exchanged', `1:2:${2 * m.length}`, `3:2:${2 * m.length}`]);
  expect(machine.nameInUse('s2')).toBe(true);
  expect(machine.members('g')).toContain('#s2#solo');
  run(join('#s2#solo', 'h'), message('#s1#solo', ['h', '#s2#solo'], 'm'), kill('#s2#solo'));
  expect(got).toHaveLength(3);
  expect(gone).toEqual([2]);
  expect(machine.nameInUse('s2')).toBe(false);
  expect(machine.members('g')).toEqual(['#s1#solo', '#s3#solo']);
  expect(machine.groups()).toEqual(['g']);
  machine.attach(4, 's2', false);
  run(message('#s1#solo', ['#s2#solo'], 'm'));
  expect(got.at(-1)!.startsWith('4:1:')).toBe(true);
  expect(() => machine.attach(5, 's2', false)).toThrow();
});

test('frames of a hostile or broken daemon are ignored and counted', () => {
  const { alpha, beta, side, a } = setup();
  side.frames(alpha, join('#a#alpha', 'g'));
  const bad = [
    message('#a#alpha', ['g'], 'm0'),
    message('a#beta', ['g'], 'm1'),
    message('##beta', ['g'], 'm2'),
    message('#elevenbytes#beta', ['g'], 'm3'),
    message('#a b#beta', ['g'], 'm4'),
    message('#a#betaa', ['g'], 'm5'),
    message('#a#bet', ['g'], 'm6'),
    message('g', ['g'], 'm7', Service.REG_MEMB | Service.CAUSED_BY_JOIN | Service.AGREED),
    message('#x#beta', ['g'], 'm8', Service.AGREED | Service.REJECT),
    join('#a#alpha', 'h'),
    kill('#a#alpha'),
    join('#x#beta', '#a#alpha'),
    join('#x#beta', ''),
    join('#x#beta', 'a b'),
    buildFrame({ service: Service.JOIN, sender: '#x#beta', groups: [] }),
  ];
  side.frames(beta, ...bad, message('#x#beta', ['g'], 'ok'));
  expect(text(alpha.take(a))).toEqual(['ok']);
  expect(alpha.machine.counts()).toEqual({ sessions: 2, groups: 1, ignored: bad.length });
  expect(alpha.machine.members('g')).toEqual(['#a#alpha']);
});

test('a frame that does not fit its range ends the walk', () => {
  const { alpha, beta, side, a } = setup();
  side.frames(alpha, join('#a#alpha', 'g'));
  for (const [offset, value] of [
    [44, 0xffffffff],
    [44, 3],
    [36, 101],
    [36, 0xffffffff],
  ] as const) {
    const broken = message('#x#beta', ['g'], 'xx');
    writeU32(broken, offset, value);
    side.frames(beta, message('#x#beta', ['g'], 'm0'), broken);
  }
  side.frames(beta, message('#x#beta', ['g'], 'm1'), new Uint8Array(47));
  expect(text(alpha.take(a))).toEqual(['m0', 'm0', 'm0', 'm0', 'm1']);
  expect(alpha.machine.counts().ignored).toBe(5);
  alpha.machine.frames(2, new Uint8Array(80), 0, 80);
  expect(alpha.machine.counts().ignored).toBe(6);
});

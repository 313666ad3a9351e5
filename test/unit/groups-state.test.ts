// State messages: layout, splitting, and what a hostile one can do (docs/design/groups.md 4.3 and 5).
import { expect, test } from '@jest/globals';
import type { Announced } from '../../core/machine/groups/announce.js';
import { decodeState, encodeState } from '../../core/machine/groups/announce.js';
import type { Bytes } from '../../core/machine/types.js';
import { Daemon, exchange, join, readNotice, regular } from './groups-world.js';

const here = { number: 0xfedcba98, time: 5 };
const tag = { number: 1, time: 4 };

function entry(group: string, names: string[], changed = false): Announced {
  return { group, id: { number: 2, time: 3, index: 4 }, changed, total: names.length + 1, names };
}

test('one message, byte by byte', () => {
  const [m, ...more] = encodeState(here, tag, [entry('g', ['a', 'bc'], true)], 1000);
  expect(more).toEqual([]);
  expect(Buffer.from(m!).toString('hex')).toBe(
    '0103000098badcfe050000000100000004000000' +
      '010167' +
      '020000000300000004000000' +
      '03000000' +
      '0200' +
      '0161' +
      '026263',
  );
  expect(decodeState(m!)).toEqual({ configuration: here, tag, last: true, entries: [entry('g', ['a', 'bc'], true)] });
  const [empty] = encodeState(here, undefined, [], 1000);
  expect(decodeState(empty!)).toEqual({ configuration: here, tag: undefined, last: true, entries: [] });
});

test('a large state is split within the limit and read back whole', () => {
  const names = Array.from({ length: 3000 }, (_, i) => `n${String(i).padStart(5, '0')}`);
  const entries = [entry('a', ['x']), entry('big', names), entry('z'.repeat(31), ['y'])];
  for (const limit of [128, 1400, 60_000]) {
    const messages = encodeState(here, tag, entries, limit);
    const read = messages.map((m) => decodeState(m)!);
    expect(Math.max(...messages.map((m) => m.length))).toBeLessThanOrEqual(limit);
    expect(read.map((m) => m.last)).toEqual([...messages.keys()].map((i) => i === messages.length - 1));
    const all = read.flatMap((m) => m.entries);
    expect(all.filter((e) => e.group === 'big').flatMap((e) => e.names)).toEqual(names);
    expect(all.every((e) => e.group !== 'big' || e.total === 3001)).toBe(true);
    expect(all.at(-1)!.names).toEqual(['y']);
  }
});

test('malformed messages are refused, at every length and for every rule', () => {
  const [good] = encodeState(here, tag, [entry('g', ['a', 'bc'])], 1000);
  for (let n = 0; n < good!.length; n++) if (n !== 20) expect(decodeState(good!.subarray(0, n))).toBeUndefined();
  const bad = (at: number, value: number): Bytes => {
    const copy = new Uint8Array(good!);
    copy[at] = value;
    return copy;
  };
  const cases: [string, Bytes][] = [
    ['version', bad(0, 2)],
    ['unknown flag', bad(1, 7)],
    ['reserved', bad(2, 1)],
    ['reserved', bad(3, 1)],
    ['tag without its flag', bad(1, 1)],
    ['unknown entry flag', bad(20, 2)],
    ['empty group name', bad(21, 0)],
    ['longer than the message', bad(21, 255)],
    ['illegal group name', bad(22, 0x23)],
    ['no names', bad(39, 0)],
    ['more names than members', bad(35, 1)],
    ['more names than there are', bad(39, 3)],
    ['empty private name', bad(41, 0)],
    ['illegal private name', bad(42, 0x20)],
    ['names out of order', bad(42, 0x7a)],
  ];
  for (const [why, b] of cases) expect([why, decodeState(b)]).toEqual([why, undefined]);
  const [untagged] = encodeState(here, undefined, [entry('g', ['a'])], 1000);
  expect(decodeState(untagged!)).toBeUndefined();
  const unended = new Uint8Array(encodeState(here, tag, [], 1000)[0]!);
  unended[1] = 2;
  expect(decodeState(unended)).toBeUndefined();
});

function pair(): { a: Daemon; b: Daemon; p: number } {
  const a = new Daemon({ name: 'A', place: 0, incarnation: 1n });
  const b = new Daemon({ name: 'B', place: 1, incarnation: 2n });
  const p = a.attach('p');
  const alone = [a, b].map((d, i) => regular({ number: 7, time: i + 1 }, [], [d]));
  for (const s of alone) exchange(s.daemons);
  alone[0]!.frames(a, join('#p#A', 'g'));
  alone[1]!.frames(b, join('#r#B', 'g'));
  alone.forEach((s, i) => s.transitional({ number: 7, time: i + 3 }, s.daemons));
  a.take(p);
  regular({ number: 7, time: 9 }, [[a], [b]]);
  return { a, b, p };
}

test('a malformed message voids its sender and does not hold the exchange', () => {
  const { a, b, p } = pair();
  expect(a.machine.state(0, a.submitted[0]!)).toBe(true);
  expect(a.machine.describe()).toContain('missing=1');
  expect(a.machine.state(1, b.submitted[0]!.subarray(1))).toBe(false);
  expect(a.machine.exchanging).toBe(false);
  expect(a.exchanges).toBe(2);
  expect(a.machine.members('g')).toEqual(['#p#A']);
  expect(a.take(p)).toEqual([]);
});

test('unexpected messages are refused, those of another configuration skipped', () => {
  const { a, b } = pair();
  expect(a.machine.state(2, b.submitted[0]!)).toBe(false);
  const [other] = encodeState({ number: 7, time: 8 }, tag, [entry('g', ['zz'])], 1000);
  expect(a.machine.state(1, other!)).toBe(true);
  expect(a.machine.state(1, b.submitted[0]!)).toBe(true);
  expect(a.machine.state(1, b.submitted[0]!)).toBe(false);
  expect(a.machine.state(0, a.submitted[0]!)).toBe(true);
  expect(a.machine.members('g')).toEqual(['#p#A', '#r#B']);
  expect(a.machine.state(0, a.submitted[0]!)).toBe(false);
});

test('a tag that changes from message to message voids its sender', () => {
  const { a, p } = pair();
  const id = { number: 7, time: 9 };
  const [first] = encodeState(id, tag, [entry('g', ['x'])], 1000);
  first![1] = 2;
  const [second] = encodeState(id, { number: 1, time: 99 }, [entry('g', ['y'])], 1000);
  expect(a.machine.state(1, first!)).toBe(true);
  expect(a.machine.state(1, second!)).toBe(false);
  expect(a.machine.state(0, a.submitted[0]!)).toBe(true);
  expect(a.machine.members('g')).toEqual(['#p#A']);
  expect(a.take(p)).toEqual([]);
});

test('a daemon whose own part was voided by all has no members, and its sessions get nothing of the group', () => {
  const { a, b, p } = pair();
  expect(a.machine.state(0, new Uint8Array(3))).toBe(false);
  expect(a.machine.state(1, b.submitted[0]!)).toBe(true);
  expect(a.machine.members('g')).toEqual(['#r#B']);
  const next = join('#s#B', 'g');
  a.machine.frames(1, next, 0, next.length);
  expect(a.take(p)).toEqual([]);
});

test('a group of 10,000 members over two daemons is announced in small packs and seen in order', () => {
  const { a, b } = pair();
  exchange([a, b]);
  const many = Array.from({ length: 5000 }, (_, i) => `m${i}`);
  for (const [rank, d] of ['A', 'B'].entries())
    for (const m of many)
      for (const to of [a, b]) {
        const f = join(`#${m}#${d}`, 'big');
        to.machine.frames(rank, f, 0, f.length);
      }
  const q = a.attach('q');
  for (const to of [a, b]) to.machine.frames(0, join('#q#A', 'big'), 0, 80);
  const [view] = a.take(q).map(readNotice);
  const sorted = (d: string): string[] => many.map((m) => `#${m}#${d}`).sort();
  expect(view!.members).toEqual([...[...sorted('A'), '#q#A'].sort(), ...sorted('B')]);
  a.machine.transitional({ number: 7, time: 10 }, [a.member]);
  b.machine.transitional({ number: 7, time: 11 }, [b.member]);
  regular({ number: 7, time: 12 }, [[a], [b]]);
  expect(a.submitted.length).toBeGreaterThan(20);
  expect(a.submitted.every((m) => m.length <= 1400)).toBe(true);
  exchange([a, b]);
  const after = a.take(q).map(readNotice);
  expect(after.map((n) => n.kind)).toEqual(['TRANSITION', 'NETWORK']);
  expect(after[1]!.members).toEqual(view!.members);
  expect(after[1]!.sets.map((s) => s.length)).toEqual([5001, 5000]);
});

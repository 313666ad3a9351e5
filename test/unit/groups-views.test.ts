// Views by example: every event in every state of docs/design/groups.md 4, and the cases of section 7.
import { expect, test } from '@jest/globals';
import type { Bytes } from '../../core/machine/types.js';
import type { Notice } from './groups-world.js';
import { Daemon, Side, concat, exchange, join, kill, leave, message, readNotice, regular } from './groups-world.js';

const id = (time: number): { number: number; time: number } => ({ number: 7, time });

function cluster(...names: string[]): [Side, ...Daemon[]] {
  const daemons = names.map((name, place) => new Daemon({ name, place, incarnation: BigInt(place + 1) }));
  const side = regular(id(1), [], daemons);
  exchange(daemons);
  return [side, ...daemons];
}

/** A notice in one line: kind, members, id, sets with the own one in brackets. */
function line(f: Bytes): string {
  const n: Notice = readNotice(f);
  if (n.kind === 'message') return `message ${n.body}`;
  if (n.kind === 'SELF-LEAVE') return `${n.group} SELF-LEAVE`;
  if (n.kind === 'TRANSITION') return `${n.group} TRANSITION ${n.id.slice(2)}`;
  const sets = n.sets.map((s, i) => (i === n.own ? `[${s.join(' ')}]` : s.join(' '))).join(' | ');
  return `${n.group} ${n.kind} ${n.id.slice(2)} ${n.members.join(' ')}: ${sets}`;
}

const lines = (d: Daemon, session: number): string[] => d.take(session).map(line);

test('inside a transitional configuration a changed group has NETWORK views, each followed by TRANSITION (spec 9.4)', () => {
  const [side, a, b, c] = cluster('A', 'B', 'C') as [Side, Daemon, Daemon, Daemon];
  const [p, q] = [a.attach('p'), a.attach('q')];
  const r = b.attach('r');
  for (const s of ['#p#A', '#q#A']) if (s === '#p#A') side.frames(a, join(s, 'g'));
  side.frames(b, join('#r#B', 'g'));
  side.frames(c, join('#s#C', 'g'), join('#t#C', 'g'));
  a.take(p);
  b.take(r);
  side.transitional(id(2), [a, b]);
  const inside = new Side([a, b, c]);
  const feed = (from: Daemon, ...frames: Bytes[]): void => {
    const pack = concat(frames);
    for (const d of [a, b]) d.machine.frames(inside.daemons.indexOf(from), pack, 0, pack.length);
  };
  feed(a, join('#q#A', 'g'), message('#p#A', ['g'], 'm'));
  feed(c, leave('#t#C', 'g'));
  feed(b, leave('#r#B', 'g'));
  expect(lines(a, p)).toEqual([
    'g TRANSITION 1.4',
    'g NETWORK 2.2 #p#A #q#A #r#B #s#C #t#C: [#p#A #r#B] | #s#C #t#C | #q#A',
    'g TRANSITION 2.2',
    'message m',
    'g NETWORK 2.3 #p#A #q#A #r#B #s#C: [#p#A #q#A #r#B] | #s#C',
    'g TRANSITION 2.3',
    'g NETWORK 2.4 #p#A #q#A #s#C: [#p#A #q#A] | #s#C',
    'g TRANSITION 2.4',
  ]);
  expect(lines(a, q).slice(0, 2)).toEqual([
    'g NETWORK 2.2 #p#A #q#A #r#B #s#C #t#C: #p#A #r#B | #s#C #t#C | [#q#A]',
    'g TRANSITION 2.2',
  ]);
  expect(lines(b, r).at(-1)).toBe('g SELF-LEAVE');
  regular(id(3), [[a, b]]);
  expect(lines(a, p)).toEqual(['g NETWORK 3.1 #p#A #q#A: [#p#A #q#A]']);
});

test('inside a transitional configuration an untouched group has plain views, until somebody lost joins it', () => {
  const [side, a, , c] = cluster('A', 'B', 'C') as [Side, Daemon, Daemon, Daemon];
  const p = a.attach('p');
  side.frames(a, join('#p#A', 'g'));
  a.machine.transitional(id(2), [a.member]);
  const feed = (rank: number, f: Bytes): void => a.machine.frames(rank, f, 0, f.length);
  feed(0, join('#q#A', 'g'));
  feed(2, join('#s#C', 'g'));
  feed(2, kill('#s#C'));
  expect(lines(a, p)).toEqual([
    'g JOIN 1.1 #p#A: [#p#A]',
    'g JOIN 2.2 #p#A #q#A: [#q#A]',
    'g JOIN 2.3 #p#A #q#A #s#C: [#s#C]',
    'g TRANSITION 2.3',
    'g NETWORK 2.4 #p#A #q#A: [#p#A #q#A]',
    'g TRANSITION 2.4',
  ]);
  regular(id(3), [[a]]);
  expect(lines(a, p)).toEqual(['g NETWORK 3.1 #p#A #q#A: [#p#A #q#A]']);
  expect(c.machine.members('g')).toEqual(['#p#A']);
});

test('a disconnect leaves all groups in bytewise order, with one notice each and no self-leave', () => {
  const [side, a] = cluster('A') as [Side, Daemon];
  const [p, q] = [a.attach('p'), a.attach('q')];
  for (const g of ['mid', 'zeta', 'Alpha', 'beta']) side.frames(a, join('#p#A', g), join('#q#A', g));
  a.take(p);
  a.take(q);
  side.frames(a, kill('#q#A'));
  expect(lines(a, p).map((l) => l.split(' ').slice(0, 2).join(' '))).toEqual([
    'Alpha DISCONNECT',
    'beta DISCONNECT',
    'mid DISCONNECT',
    'zeta DISCONNECT',
  ]);
  expect(a.take(q)).toEqual([]);
});

test('a session without the membership flag gets no notice but is seen by others', () => {
  const [side, a] = cluster('A') as [Side, Daemon];
  const p = a.attach('p', false);
  const q = a.attach('q');
  side.frames(a, join('#q#A', 'g'), join('#p#A', 'g'), message('#q#A', ['g'], 'm'), leave('#p#A', 'g'));
  expect(lines(a, p)).toEqual(['message m']);
  expect(lines(a, q)).toHaveLength(4);
});

test('repeated joins and leaves of a non-member have no effect', () => {
  const [side, a] = cluster('A') as [Side, Daemon];
  const p = a.attach('p');
  side.frames(a, join('#p#A', 'g'), join('#p#A', 'g'), leave('#p#A', 'h'), leave('#q#A', 'g'));
  expect(lines(a, p)).toEqual(['g JOIN 1.1 #p#A: [#p#A]']);
});

test('no id of an emptied group is used again, and other groups are not touched by it', () => {
  const [side, a] = cluster('A') as [Side, Daemon];
  const p = a.attach('p');
  side.frames(a, join('#p#A', 'g'), leave('#p#A', 'g'), join('#p#A', 'g'), leave('#p#A', 'g'), join('#p#A', 'g'));
  side.frames(a, join('#p#A', 'h'));
  const ids = lines(a, p).filter((l) => l.includes('JOIN'));
  expect(ids.map((l) => l.split(' ')[2])).toEqual(['1.1', '1.3', '1.5', '1.1']);
});

test('index floors are bounded: the highest becomes the floor of every new group', () => {
  const [side, a] = cluster('A') as [Side, Daemon];
  const p = a.attach('p');
  side.frames(a, join('#p#A', 'g'), leave('#p#A', 'g'), join('#p#A', 'g'), leave('#p#A', 'g'));
  for (let i = 0; i < 1024; i++) side.frames(a, join('#p#A', `n${i}`), leave('#p#A', `n${i}`));
  a.take(p);
  side.frames(a, join('#p#A', 'g'), join('#p#A', 'new'));
  expect(lines(a, p).map((l) => l.split(' ')[2])).toEqual(['1.5', '1.5']);
});

test('additive change: silent without members of the group, one NETWORK view with them', () => {
  const [side, a, b] = cluster('A', 'B') as [Side, Daemon, Daemon];
  const p = a.attach('p');
  side.frames(a, join('#p#A', 'g'), join('#p#A', 'h'));
  side.transitional(id(2), [a]);
  side.transitional(id(3), [b]);
  const sideB = regular(id(4), [[b]]);
  const alone = regular(id(5), [[a]]);
  const t = b.attach('t');
  sideB.frames(b, join('#t#B', 'h'));
  alone.transitional(id(6), [a]);
  sideB.transitional(id(7), [b]);
  exchange(regular(id(8), [[a], [b]]).daemons);
  expect(lines(a, p)).toEqual([
    'g JOIN 1.1 #p#A: [#p#A]',
    'h JOIN 1.1 #p#A: [#p#A]',
    'h NETWORK 8.1 #p#A #t#B: [#p#A] | #t#B',
  ]);
  expect(lines(b, t)).toEqual(['h JOIN 4.1 #t#B: [#t#B]', 'h NETWORK 8.1 #p#A #t#B: #p#A | [#t#B]']);
});

test('an exchange that ends inside the transitional configuration: the view, and at once its TRANSITION (7.3 a)', () => {
  const [side, a, b] = cluster('A', 'B') as [Side, Daemon, Daemon];
  const c = new Daemon({ name: 'C', place: 2, incarnation: 9n });
  const p = a.attach('p');
  c.attach('s');
  side.frames(a, join('#p#A', 'g'));
  const lone = regular(id(2), [], [c]);
  exchange([c]);
  lone.frames(c, join('#s#C', 'g'));
  lone.transitional(id(3), [c]);
  side.transitional(id(4), [a, b]);
  regular(id(5), [[a, b], [c]]);
  const messages = [a, b, c].map((d) => d.submitted);
  const feed = (d: Daemon, rank: number): void => messages[rank]!.forEach((m) => d.machine.state(rank, m));
  for (const d of [a, b]) {
    feed(d, 0);
    feed(d, 2);
    d.machine.transitional(id(6), [a.member, b.member]);
    expect(d.machine.exchanging).toBe(true);
    feed(d, 1);
    expect(d.machine.exchanging).toBe(false);
  }
  regular(id(7), [[a, b]]);
  expect([a, b].map((d) => d.machine.exchanging)).toEqual([false, false]);
  expect(lines(a, p)).toEqual([
    'g JOIN 1.1 #p#A: [#p#A]',
    'g NETWORK 5.1 #p#A #s#C: [#p#A] | #s#C',
    'g TRANSITION 5.1',
    'g NETWORK 7.1 #p#A: [#p#A]',
  ]);
});

test('an exchange cut short: the same is announced again, the loss is told late, and who returns is not lost (7.3 b, 6.3)', () => {
  const [side, a, b] = cluster('A', 'B') as [Side, Daemon, Daemon];
  const [p, r] = [a.attach('p'), b.attach('r')];
  side.frames(a, join('#p#A', 'g'));
  side.frames(b, join('#r#B', 'g'));
  a.take(p);
  b.take(r);
  const c = new Daemon({ name: 'C', place: 2, incarnation: 9n });
  exchange(regular(id(2), [], [c]).daemons);
  new Side([c]).transitional(id(3), [c]);
  side.transitional(id(4), [a, b]);
  regular(id(5), [[a, b], [c]]);
  // Nothing arrives; A is cut off alone, then B is back: nobody was lost on the way.
  a.machine.transitional(id(6), [a.member]);
  b.machine.transitional(id(7), [b.member]);
  c.machine.transitional(id(8), [c.member]);
  exchange(regular(id(9), [[a], [b], [c]]).daemons);
  expect([lines(a, p), lines(b, r)]).toEqual([[], []]);
  // Again, but B stays away.
  new Side([a, b, c]).transitional(id(10), [a, b, c]);
  const d = new Daemon({ name: 'D', place: 3, incarnation: 9n });
  regular(id(11), [[a, b, c]], [d]);
  a.machine.transitional(id(12), [a.member, c.member]);
  c.machine.transitional(id(12), [a.member, c.member]);
  regular(id(13), [[a, c]]);
  expect(a.machine.exchanging).toBe(true);
  exchange([a, c]);
  expect(lines(a, p)).toEqual(['g TRANSITION 1.2', 'g NETWORK 13.1 #p#A: [#p#A]']);
});

test('a restarted daemon is another member: the old members leave, the new ones join', () => {
  const [side, a, b] = cluster('A', 'B') as [Side, Daemon, Daemon];
  const p = a.attach('p');
  side.frames(a, join('#p#A', 'g'));
  side.frames(b, join('#r#B', 'g'));
  side.transitional(id(2), [a]);
  const b2 = new Daemon({ name: 'B', place: 1, incarnation: 77n });
  const next = regular(id(3), [[a]], [b2]);
  exchange(next.daemons);
  next.frames(b2, join('#r#B', 'g'));
  expect(lines(a, p).slice(2)).toEqual([
    'g TRANSITION 1.2',
    'g NETWORK 3.1 #p#A: [#p#A]',
    'g JOIN 3.2 #p#A #r#B: [#r#B]',
  ]);
});

test('calls out of order are the programmer error they are', () => {
  const d = new Daemon({ name: 'A', place: 0, incarnation: 1n });
  expect(() => d.machine.transitional(id(1), [d.member])).toThrow();
  regular(id(1), [], [d]);
  d.machine.transitional(id(2), [d.member]);
  expect(() => d.machine.transitional(id(3), [d.member])).toThrow();
  expect(d.machine.describe()).toContain('exchanging transitional');
});

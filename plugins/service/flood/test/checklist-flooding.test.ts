// Items 14 and 16 to 26 of floodd's checklist (docs/floodd.md): flooding, faults of sites and network, as the machine alone
// shows them on virtual time.
import { describe, expect, test } from '@jest/globals';
import { Stage } from '../../../../test/sim/flood/stage.js';

const FIVE = ['a', 'b', 'c', 'd', 'e'];
const FOUR = ['a', 'b', 'c', 'd'];
const numbered = (n: number, from = 1): string[] => Array.from({ length: n }, (_, i) => `u${from + i}`);

describe('flooding', () => {
  test('item 14: five sites, k = 2: an update at one is exported once at every one', () => {
    const s = new Stage({ sites: FIVE }).start();
    s.submit('a', 'x');
    s.wait(2000);
    for (const name of FIVE) expect([name, s.exported.get(name)]).toEqual([name, ['x']]);
    const quiet = new Stage({ sites: FIVE, local: { exportLocal: false } }).start();
    quiet.submit('a', 'x');
    quiet.wait(2000);
    expect(FIVE.map((name) => quiet.exported.get(name)!.length)).toEqual([0, 1, 1, 1, 1]);
  });

  test('item 16: duplicates and disorder are exported once and acknowledged every time', () => {
    const s = new Stage({ sites: ['a', 'b'] }).start();
    const peer = s.guest('a').greet('z');
    peer.say({ kind: 'have', group: 'g', origins: [] });
    peer.data({ sequence: 3, text: '3' }, { sequence: 1, text: '1' }, { sequence: 3, text: '3' });
    peer.data({ sequence: 2, text: '2' }, { sequence: 1, text: '1' });
    expect([...s.exported.get('a')!].sort()).toEqual(['1', '2', '3']);
    expect([...peer.acknowledged].sort()).toEqual([1, 1, 2, 3, 3]);
    expect(s.statistics('a').duplicates).toBeGreaterThanOrEqual(2);
    expect([...s.wait(1000).exported.get('b')!].sort()).toEqual(['1', '2', '3']);
  });

  test('item 16: duplicates alone are acknowledged over durable storage, too', () => {
    const s = new Stage({ sites: ['a'], durable: ['a'] }).start();
    const peer = s.guest('a').greet('z');
    peer.say({ kind: 'have', group: 'g', origins: [] });
    for (let i = 0; i < 3; i++) {
      peer.data({ sequence: 1, text: '1' });
      s.wait(300);
      expect(peer.acknowledged.length).toBe(i + 1);
    }
    expect(s.exported.get('a')).toEqual(['1']);
  });

  test('item 17: an origin that starts anew counts from 1 in a larger incarnation', () => {
    const s = new Stage({ sites: ['a', 'b'] }).start();
    const first = s.submit('a', 'before');
    s.wait(1000).site('a').kill();
    s.start('a');
    const second = s.submit('a', 'after');
    s.wait(1000);
    expect(second).toMatchObject({ origin: 'a', sequence: 1 });
    expect((second as { incarnation: number }).incarnation).toBeGreaterThan(
      (first as { incarnation: number }).incarnation,
    );
    expect(s.exported.get('b')).toEqual(['before', 'after']);
  });

  test('item 18: an update for one group stays in it, one without group goes everywhere', () => {
    const groups = { g1: ['a', 'b', 'c'], g2: ['b', 'd', 'e'] };
    const s = new Stage({ sites: FIVE, groups }).start();
    s.submit('a', 'one', 'g1');
    s.submit('b', 'two', 'g2');
    s.submit('a', 'all');
    expect(s.submit('a', 'none', 'g2')).toBe('no-group');
    s.wait(3000);
    const at = (name: string): string[] => [...s.exported.get(name)!].sort();
    expect([at('a'), at('b'), at('c')]).toEqual([
      ['all', 'one'],
      ['all', 'one', 'two'],
      ['all', 'one'],
    ]);
    expect([at('d'), at('e')]).toEqual([
      ['all', 'two'],
      ['all', 'two'],
    ]);
    // Numbers that were for others are no gaps.
    for (const name of ['c', 'd']) expect(s.machine(name).missing(name === 'c' ? 'g1' : 'g2')).toEqual([]);
  });

  test('item 19: too many hops, and our own update coming back, do no harm', () => {
    const s = new Stage({ sites: ['a', 'b'] }).start();
    const mine = s.submit('a', 'mine') as { incarnation: number };
    const peer = s.guest('a').greet('z');
    peer.say({ kind: 'have', group: 'g', origins: [] });
    peer.data({ sequence: 1, text: 'far', hops: 64 });
    peer.data({ sequence: 1, text: 'mine', origin: 'a', incarnation: mine.incarnation });
    s.wait(1000);
    expect([...s.exported.get('a')!].sort()).toEqual(['far', 'mine']);
    expect(s.exported.get('b')).toEqual(['mine']);
  });
});

describe('faults of sites and network', () => {
  test('item 20: one site killed: the others go on, its queue grows, its restart gets what waits, nothing twice', () => {
    const s = new Stage({ sites: FOUR, group: { updatePeriodMs: 0 } }).start();
    s.site('b').kill();
    for (const u of numbered(20)) s.submit('a', u);
    s.wait(500);
    for (const name of ['a', 'c', 'd']) expect([name, s.exported.get(name)!.length]).toEqual([name, 20]);
    const waiting = FOUR.filter((n) => n !== 'b').map((n) => s.statistics(n).queuedSend);
    expect(Math.max(...waiting)).toBeGreaterThanOrEqual(20);
    s.start('b').wait(4000);
    expect([...s.exported.get('b')!].sort()).toEqual(numbered(20).sort());
    expect(FOUR.map((n) => s.statistics(n).queuedSend)).toEqual([0, 0, 0, 0]);
  });

  test('item 21: k = 3: any two sites killed, the others still get everything', () => {
    for (const [x, y] of [
      ['b', 'c'],
      ['a', 'd'],
      ['d', 'e'],
    ] as const) {
      const s = new Stage({ sites: [...FIVE, 'f'], group: { connectivity: 3 } }).start();
      s.site(x).kill();
      s.site(y).kill();
      const living = [...FIVE, 'f'].filter((n) => n !== x && n !== y);
      for (const name of living) s.submit(name, `from ${name}`);
      s.wait(900);
      for (const name of living)
        expect([name, [...s.exported.get(name)!].sort()]).toEqual([name, living.map((n) => `from ${n}`).sort()]);
    }
  });

  test('item 22: a frozen process is down after the down period, not before half of it, and gets what waited', () => {
    const s = new Stage({ sites: FOUR, group: { updatePeriodMs: 0 } }).start();
    s.site('d').life!.freeze();
    s.wait(500);
    expect(s.stateAt('a', 'd')).not.toBe('down');
    s.submit('a', 'meanwhile');
    s.wait(1500);
    expect(s.stateAt('a', 'd')).toBe('down');
    s.site('d').life!.thaw();
    s.wait(6000);
    expect(s.stateAt('a', 'd')).toBe('up');
    expect(s.exported.get('d')).toEqual(['meanwhile']);
  });

  test('item 20: what was flooded while topologies left a site out is kept for it, and it gets all of it', () => {
    for (const [how, durable] of [
      ['kill', FOUR],
      ['kill', []],
      ['leave', FOUR],
      ['leave', []],
    ] as const) {
      const s = new Stage({ sites: FOUR, durable }).start();
      s.site('b')[how]();
      s.submit('a', 'u1');
      s.wait(6000);
      for (const name of ['a', 'c', 'd']) expect(s.edgesAt(name).some((e) => e.split('-').includes('b'))).toBe(false);
      for (const u of numbered(10, 2)) s.submit('a', u);
      for (const u of numbered(9, 12)) s.submit('d', u);
      s.wait(3000).start('b').wait(2000);
      for (const u of numbered(5, 21)) s.submit('c', u);
      s.wait(8000);
      for (const name of FOUR) {
        expect([how, name, [...s.exported.get(name)!].sort()]).toEqual([how, name, numbered(25).sort()]);
        expect(s.machine(name).missing('g')).toEqual([]);
        expect(s.statistics(name).queuedSend).toBe(0);
      }
    }
  });

  test('item 20: who keeps for a site that is down may be killed and restart meanwhile', () => {
    const s = new Stage({ sites: FOUR, durable: FOUR }).start();
    s.site('b').kill();
    s.wait(4000);
    for (const name of ['c', 'd', 'a']) {
      s.submit(name, `one of ${name}`);
      s.wait(500).site(name).kill();
      s.wait(1000).start(name);
      s.submit(name, `two of ${name}`);
      s.wait(1000);
    }
    s.start('b').wait(5000);
    const all = ['one', 'two'].flatMap((n) => ['a', 'c', 'd'].map((name) => `${n} of ${name}`));
    expect([...s.exported.get('b')!].sort()).toEqual(all);
  });

  test('item 23: both halves of a partition go on, and all of it crosses when it heals', () => {
    const s = new Stage({ sites: FOUR, group: { connectivity: 3 } }).start();
    s.part(['a', 'b'], ['c', 'd']).wait(100);
    s.submit('a', 'u1');
    s.wait(6000);
    for (const u of numbered(9, 2)) s.submit('a', u);
    for (const u of numbered(3, 50)) s.submit('c', u);
    s.wait(3000);
    expect([...s.exported.get('b')!].sort()).toEqual(numbered(10).sort());
    expect([...s.exported.get('d')!].sort()).toEqual(numbered(3, 50).sort());
    s.part(['a', 'b'], ['c', 'd'], false).wait(12_000);
    for (const name of FOUR)
      expect([name, [...s.exported.get(name)!].sort()]).toEqual([name, [...numbered(10), ...numbered(3, 50)].sort()]);
  });

  test('item 23: what found no room while the halves were apart is counted, and listed on the other side', () => {
    const localOf = { a: { dataStorageMaxBytes: 4000 }, b: { dataStorageMaxBytes: 4000 } };
    const s = new Stage({ sites: FOUR, group: { connectivity: 3 }, localOf }).start();
    s.part(['a', 'b'], ['c', 'd']).wait(6000);
    for (const u of numbered(20)) {
      s.submit('a', u);
      s.wait(200);
    }
    expect(s.exported.get('b')!.length).toBe(20);
    expect(s.statistics('a').droppedDown).toBeGreaterThan(0);
    s.part(['a', 'b'], ['c', 'd'], false).wait(12_000);
    for (const name of ['c', 'd']) {
      const listed = new Set(
        s
          .machine(name)
          .missing('g')!
          .filter((m) => m.origin === 'a')
          .flatMap((m) => Array.from({ length: m.last - m.first + 1 }, (_, i) => `u${m.first + i}`)),
      );
      const has = s.exported.get(name)!;
      expect(numbered(20).filter((u) => !has.includes(u) && !listed.has(u))).toEqual([]);
    }
  });

  test('item 24: a partition longer than the purge period: purged on both sides, complete and k-connected after it', () => {
    const s = new Stage({ sites: FOUR, local: { sitePurgePeriodMs: 3000 } }).start();
    s.part(['a', 'b'], ['c', 'd']).wait(8000);
    expect(s.membersAt('a')).toEqual(['a', 'b']);
    expect(s.membersAt('c')).toEqual(['c', 'd']);
    s.part(['a', 'b'], ['c', 'd'], false).wait(15_000);
    for (const name of FOUR) expect([name, s.membersAt(name)]).toEqual([name, FOUR]);
    const edges = s.edgesAt('a');
    for (const name of FOUR) {
      expect(edges.filter((e) => e.split('-').includes(name)).length).toBeGreaterThanOrEqual(2);
      expect(s.edgesAt(name)).toEqual(edges);
    }
  });

  test('item 25: a neighbour is down while the topology changes: its queue survives and drains', () => {
    const s = new Stage({ sites: FOUR }).start();
    const neighbours = s.edgesAt('a').filter((e) => e.split('-').includes('d'));
    expect(neighbours.length).toBeGreaterThanOrEqual(2);
    s.part(['d'], ['a', 'b', 'c']);
    s.submit('a', 'kept');
    s.wait(5000);
    expect(s.edgesAt('a').some((e) => e.split('-').includes('d'))).toBe(false);
    expect(s.exported.get('d')).toEqual([]);
    s.part(['d'], ['a', 'b', 'c'], false).wait(10_000);
    expect(s.exported.get('d')).toEqual(['kept']);
    expect(FOUR.map((n) => s.statistics(n).queuedSend)).toEqual([0, 0, 0, 0]);
  });

  test('item 26: a flapping link: nothing twice, nothing lost, no connection left over', () => {
    const s = new Stage({ sites: ['a', 'b', 'c'] }).start();
    const [x, y] = [s.site('a').place, s.site('b').place];
    const before = s.network.open;
    for (let i = 0; i < 100; i++) {
      s.network.breakOne(x, y);
      s.submit('a', `u${i + 1}`);
      s.wait(300);
    }
    s.wait(5000);
    for (const name of ['a', 'b', 'c'])
      expect([name, [...s.exported.get(name)!].sort()]).toEqual([name, numbered(100).sort()]);
    // Links stand, and at most a probe of each site comes and goes.
    expect(s.network.open).toBeLessThanOrEqual(before + 12);
  });
});

// Items 27 to 32, 43 and 46 to 49 of floodd's checklist (docs/floodd.md): connections, the master, access, measurement and
// channels, as the machine alone shows them on virtual time.
import { describe, expect, test } from '@jest/globals';
import { Stage } from '../../../../test/sim/flood/stage.js';
import { networkOf } from '../config/networks.js';
import type { TopologyRequest } from '../machine/types.js';

const FOUR = ['a', 'b', 'c', 'd'];
const FIVE = [...FOUR, 'e'];

describe('connections', () => {
  test('item 27: corrupt frames end their own connection and no other', () => {
    const s = new Stage({ sites: ['a', 'b'] }).start();
    const prefix = [0x46, 0x44, 1, 1];
    const bad = [
      Uint8Array.from([0x47, 0x44, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0]),
      Uint8Array.from([0x46, 0x44, 9, 1, 0, 0, 0, 0, 0, 0, 0, 0]),
      Uint8Array.from([...prefix, 0xff, 0, 0, 0, 0, 0, 0, 0]),
      Uint8Array.from([...prefix, 0, 0, 0, 2, 0, 0, 0, 0, 0x28, 0x28]),
    ];
    for (const [i, bytes] of bad.entries()) {
      const peer = s.guest('a').bytes(bytes);
      expect([peer.open, peer.of('error').map((e) => e.code)]).toEqual([false, [500]]);
      expect(s.statistics('a').protocolErrors).toBe(i + 1);
    }
    s.submit('b', 'still');
    s.wait(500);
    expect(s.exported.get('a')).toEqual(['still']);
  });

  test('item 28: a second daemon of a name is refused and told of loudly', () => {
    const s = new Stage({ sites: ['a', 'b'] }).start();
    const own = s.guest('a').greet('a');
    const other = s.guest('a').greet('b', 'link', Number.MAX_SAFE_INTEGER - 1, ['g'], 2999);
    for (const peer of [own, other]) expect([peer.open, peer.of('error').map((e) => e.code)]).toEqual([false, [553]]);
    expect(s.events.get('a')!.filter((e) => e.kind === 'name-clash').length).toBe(2);
    s.submit('b', 'the first one works');
    s.wait(500);
    expect(s.exported.get('a')).toEqual(['the first one works']);
  });
});

describe('the master', () => {
  test('item 29: without the master flooding goes on, and a new site joins through another member', () => {
    const s = new Stage({ sites: FOUR, knows: { d: ['a', 'b', 'd'] } }).start('a', 'b', 'c');
    const { epoch, topologyNumber } = s.machine('b').groups()[0]!;
    s.site('a').kill();
    s.wait(3000);
    s.submit('b', 'one');
    s.wait(500);
    expect(s.exported.get('c')).toEqual(['one']);
    expect(s.machine('b').groups()[0]).toMatchObject({ epoch, topologyNumber });
    s.start('d').wait(15_000);
    s.submit('c', 'two');
    s.wait(2000);
    expect(s.exported.get('d')).toContain('two');
  });

  test('item 30: a master that knows only itself has everybody again, in a larger epoch', () => {
    const s = new Stage({ sites: FOUR, knows: { a: ['a'] } }).start();
    const before = s.machine('b').groups()[0]!;
    s.site('a').kill();
    s.submit('b', 'meanwhile');
    s.wait(2000);
    s.start('a').wait(15_000);
    for (const name of FOUR) expect([name, s.membersAt(name)]).toEqual([name, FOUR]);
    const after = s.machine('b').groups()[0]!;
    expect(after.epoch).toBeGreaterThan(before.epoch);
    expect(after.topologyNumber).toBeGreaterThan(0);
    s.submit('a', 'again');
    s.wait(1000);
    for (const name of ['b', 'c', 'd']) expect([...s.exported.get(name)!].sort()).toEqual(['again', 'meanwhile']);
  });

  test('item 30: what enters at a site that begins, before anybody came, reaches who comes', () => {
    for (const knows of [['a'], FOUR]) {
      const s = new Stage({ sites: FOUR, knows: { a: knows }, group: { joinPeriodMs: 5000 } });
      s.site('a').start();
      s.submit('a', 'at once');
      s.wait(3000);
      s.submit('a', 'alone');
      s.wait(1000);
      for (const name of ['b', 'c', 'd']) {
        s.site(name).start();
        s.submit(name, `begin of ${name}`);
      }
      s.wait(25_000);
      const all = ['alone', 'at once', 'begin of b', 'begin of c', 'begin of d'];
      for (const name of FOUR) {
        expect([name, [...s.exported.get(name)!].sort()]).toEqual([name, all]);
        expect(s.statistics(name).queuedSend).toBe(0);
      }
    }
    const alone = new Stage({ sites: FOUR, knows: { a: ['a'] }, group: { joinPeriodMs: 2500 } });
    alone.site('a').start();
    alone.submit('a', 'alone');
    expect(alone.wait(3000).statistics('a').queuedSend).toBe(1);
    expect(alone.wait(3000).statistics('a')).toMatchObject({ queuedSend: 0, bytesStored: 0, droppedDown: 0 });
  });

  test('item 31: lists and topologies that are not newer are ignored', () => {
    const s = new Stage({ sites: ['a', 'b', 'c'] }).start();
    const { epoch, topologyNumber } = s.machine('b').groups()[0]!;
    const edges = s.edgesAt('b');
    const peer = s.guest('b').greet('z');
    const stale = [
      [epoch - 1, 999],
      [epoch, 1],
    ] as const;
    for (const [e, n] of stale) {
      peer.say({ kind: 'members', group: 'g', epoch: e, version: n, members: [] });
      const edge = { a: 'b', b: 'z', cost: 1 };
      peer.say({
        kind: 'topology',
        group: 'g',
        epoch: e,
        number: n,
        connectivity: 1,
        generator: 'builtin',
        edges: [edge],
      });
    }
    expect(s.machine('b').groups()[0]).toMatchObject({ epoch, topologyNumber });
    expect(s.edgesAt('b')).toEqual(edges);
    expect(s.membersAt('b')).toEqual(['a', 'b', 'c']);
  });

  test('item 32: who is not on the access list gets 530', () => {
    // The n-th site has the address 10.0.0.n.
    const allow = [networkOf('10.0.0.1/32')!, networkOf('10.0.0.2/32')!];
    const s = new Stage({ sites: ['a', 'b'], group: { allow } }).start();
    s.submit('b', 'in');
    s.wait(500);
    expect(s.exported.get('a')).toEqual(['in']);
    const denied = new Stage({ sites: ['a', 'b'], group: { deny: [networkOf('10.0.0.2/32')!] } }).start();
    expect(denied.membersAt('a')).toEqual(['a']);
    expect(denied.events.get('b')!.some((e) => e.kind === 'refused' && e.code === 530)).toBe(true);
    denied.submit('b', 'out');
    denied.wait(500);
    expect(denied.exported.get('a')).toEqual([]);
  });
});

describe('measurement and channels', () => {
  test('item 43: round trips within 20 %, bandwidth within a factor of 2, and pairs in the order of their cost', () => {
    // Everything else that says something is rare: what is sent while something is under way arrives with it, and too early.
    const slow = { pingPeriodMs: 2000, estimatesPeriodMs: 10_000, downPeriodMs: 30_000, joinPeriodMs: 30_000 };
    const wide = { bandwidthPeriodMs: 20_000, bandwidthSizeBytes: 524_288 };
    const s = new Stage({ sites: FIVE, group: { ...slow, updatePeriodMs: 30_000, ...wide } });
    const truth = new Map<string, { readonly rttMs: number; readonly bytesPerMs: number }>();
    const pairs = FIVE.flatMap((a, i) => FIVE.slice(i + 1).map((b) => [a, b] as const));
    for (const [i, [a, b]] of pairs.entries()) {
      // Neither near pairs are all wide nor wide pairs all near.
      const [oneWayMs, bytesPerMs] = [30 + 15 * ((3 * i) % 10), [1000, 400, 150, 60][i % 4]!];
      s.network.setPath(s.site(a).place, s.site(b).place, oneWayMs, bytesPerMs);
      truth.set(`${a}-${b}`, { rttMs: 2 * oneWayMs, bytesPerMs });
    }
    s.start();
    let asked: TopologyRequest | undefined;
    s.site('a').life!.onGenerate = (request) => (asked = request);
    s.wait(1_800_000);
    const links = asked!.links;
    expect(links.map((l) => `${l.a}-${l.b}`)).toEqual([...truth.keys()]);
    for (const l of links) {
      const { rttMs, bytesPerMs } = truth.get(`${l.a}-${l.b}`)!;
      expect([l.a, l.b, l.measured]).toEqual([l.a, l.b, true]);
      expect(l.rttMs).toBeGreaterThan(0.8 * rttMs);
      expect(l.rttMs).toBeLessThan(1.2 * rttMs);
      expect(l.bytesPerSecond).toBeGreaterThan((1000 * bytesPerMs) / 2);
      expect(l.bytesPerSecond).toBeLessThan(1000 * bytesPerMs * 2);
    }
    // Of two pairs the one that truly costs a fifth more is taken to cost more.
    const cost = (l: { readonly a: string; readonly b: string }): number => {
      const { rttMs, bytesPerMs } = truth.get(`${l.a}-${l.b}`)!;
      return rttMs / 2 + 10_240 / bytesPerMs;
    };
    const wrong = links.flatMap((x) =>
      links.filter((y) => cost(y) > 1.2 * cost(x) && y.cost <= x.cost).map((y) => [x, y]),
    );
    expect(wrong).toEqual([]);
  });

  test('item 46: noise does not change the topology', () => {
    const s = new Stage({ sites: ['a', 'b', 'c', 'd', 'e', 'f'] }).start().wait(30_000);
    const { topologyNumber } = s.machine('a').groups()[0]!;
    const computed = s.statistics('a').topologiesComputed;
    s.wait(22_000);
    expect(s.statistics('a').topologiesComputed - computed).toBeGreaterThanOrEqual(18);
    expect(s.machine('a').groups()[0]!.topologyNumber).toBe(topologyNumber);
  });

  test('item 47: a channel to nobody, to a dead site, and to one where nobody serves', () => {
    const s = new Stage({ sites: ['a', 'b', 'c'] }).start();
    s.site('c').kill();
    const { life } = s.site('a');
    for (const to of ['x', 'c', 'b']) life!.run(() => life!.machine.connect(to, 'test'));
    s.wait(10_500);
    expect([...life!.failures].sort()).toEqual(['not-served', 'unknown-site', 'unreachable']);
  });

  test('item 48: an abandoned gap is told of with its peer and ranges, and listed; what comes late is not exported', () => {
    const s = new Stage({ sites: ['a', 'b'], local: { logPurgePeriodMs: 2000 } }).start();
    const peer = s.guest('a').greet('z').say({ kind: 'have', group: 'g', origins: [] });
    peer.data({ sequence: 1, text: '1' }, { sequence: 4, text: '4' });
    s.wait(5000);
    const told = s.events.get('a')!.filter((e) => e.kind === 'inconsistent' && e.reason === 'abandoned');
    const range = { origin: 'z', incarnation: 1, first: 2, last: 3, reason: 'abandoned' };
    expect(told).toMatchObject([{ group: 'g', peer: 'z', ranges: [range] }]);
    expect(s.machine('a').missing('g')).toEqual([range]);
    s.guest('a').greet('z').say({ kind: 'have', group: 'g', origins: [] }).data({ sequence: 2, text: 'late' });
    expect(s.exported.get('a')).toEqual(['1', '4']);
  });

  test('item 49: every member is probed, none much more than the others', () => {
    const s = new Stage({ sites: ['a', 'b', 'c', 'd', 'e'] }).start('a', 'b', 'c', 'd', 'e');
    const probed = new Map<string, number>();
    const { life } = s.site('a');
    life!.onDial = (to) => probed.set(to, (probed.get(to) ?? 0) + 1);
    s.wait(200 * 1000);
    const counts = ['b', 'c', 'd', 'e'].map((n) => probed.get(n) ?? 0);
    const mean = counts.reduce((sum, n) => sum + n, 0) / counts.length;
    expect(Math.min(...counts)).toBeGreaterThan(0);
    expect(Math.max(...counts)).toBeLessThanOrEqual(3 * mean);
  });
});

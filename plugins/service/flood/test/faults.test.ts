// Real sites in one process, in trouble: the checklist of docs/floodd.md where it speaks of sites and networks that fail, of
// the master, of access lists and of storage that is full. Times of the group are short, nothing waits for a fixed time.
import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isKConnected } from '../topology/connectivity.js';
import type { Edge } from '../topology/graph.js';
import { settled, type Site, submit, until, World, type WorldOptions } from './world.js';

jest.setTimeout(120_000);

let world: World;
const strangers: Socket[] = [];
afterEach(async () => {
  for (const s of strangers.splice(0)) s.destroy();
  await world.destroy();
});

async function started(o: WorldOptions): Promise<readonly Site[]> {
  world = await World.create(o);
  await world.start();
  await settled(world.sites);
  return world.sites;
}

const stateAt = (at: Site, of: Site): string | undefined =>
  at.flood.members('mirror')?.find((m) => m.site.name === of.name)?.state;
const edgesAt = (site: Site): readonly string[] => site.flood.topology('mirror')!.edges.map((e) => `${e.a} ${e.b}`);

function connected(site: Site, sites: readonly Site[], k: number): boolean {
  const place = (name: string): number => sites.findIndex((s) => s.name === name);
  const edges = site.flood.topology('mirror')!.edges.map((e): Edge => [place(e.a), place(e.b)]);
  return edges.every(([a, b]) => a >= 0 && b >= 0) && isKConnected(sites.length, edges, k);
}

/** Each of them has exported exactly these, in any order. */
async function exported(sites: readonly Site[], texts: readonly string[]): Promise<void> {
  await until(() => sites.every((s) => s.exporter.texts.length >= texts.length));
  for (const s of sites) expect([...s.exporter.texts].sort()).toEqual([...texts].sort());
}

/** A connection to a data port as anybody may make it; what it was told. */
async function stranger(
  site: Site,
  from: string,
): Promise<{ socket: Socket; said: () => string; over: Promise<void> }> {
  const socket = connect({ host: `127.0.0.${site.place + 2}`, port: world.portOf(site), localAddress: from });
  strangers.push(socket);
  let said = '';
  socket.on('data', (part: Buffer) => (said += part.toString('latin1')));
  socket.on('error', () => undefined);
  const over = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  await new Promise((resolve) => socket.once('connect', resolve));
  return { socket, said: () => said, over };
}

describe('flooding', () => {
  test('item 17: the origin restarts: numbers begin again in a larger incarnation, and are taken', async () => {
    const sites = await started({ sites: 3 });
    const [, b] = sites as [Site, Site, Site];
    const first = await submit(b, 'one');
    await exported(sites, ['one']);
    await b.crash();
    await b.start();
    await settled(sites);
    const second = await submit(b, 'two');
    expect([first.sequence, second.sequence]).toEqual([1, 1]);
    expect(second.incarnation).toBeGreaterThan(first.incarnation);
    await exported(sites, ['one', 'two']);
  });

  test('item 18: an update for one group stays in it, one for all goes to all', async () => {
    const sites = await started({ sites: 4, other: [1, 2, 3] });
    await settled(sites.slice(1), 'other');
    await submit(sites[1]!, 'for other', 'other');
    await exported(sites.slice(1), ['for other']);
    await submit(sites[1]!, 'for all');
    await exported(sites.slice(1), ['for other', 'for all']);
    await exported([sites[0]!], ['for all']);
    expect(await sites[0]!.flood.submit(Buffer.from('x'), 'other')).toBe('no-group');
  });
});

describe('sites and networks that fail', () => {
  test('item 20: one down: the others exchange, its queue grows, and it gets it once when it is back', async () => {
    const sites = await started({ sites: 4, group: { update_period_ms: '0' } });
    const [a, b, c, d] = sites as [Site, Site, Site, Site];
    await submit(a, 'before');
    await exported(sites, ['before']);
    await until(() => sites.every((s) => s.flood.statistics().queuedSend === 0));
    await b.crash();
    await until(() => stateAt(a, b) === 'down');
    const texts = Array.from({ length: 20 }, (_, i) => `update ${i}`);
    for (const text of texts) await submit(a, text);
    await exported([a, c, d], ['before', ...texts]);
    expect([a, c, d].some((s) => s.flood.statistics().queuedSend >= 20)).toBe(true);
    await b.start();
    await until(() => b.exporter.texts.length >= 21);
    await settled(sites);
    await exported([b], ['before', ...texts]);
  });

  test('item 21: k = 3, any two dead, the others have everything', async () => {
    const sites = await started({ sites: 6, connectivity: 3, group: { update_period_ms: '0' } });
    await until(() => connected(sites[0]!, sites, 3));
    const dead = [sites[2]!, sites[4]!];
    for (const site of dead) await site.crash();
    const left = sites.filter((s) => !dead.includes(s));
    for (const site of left) await submit(site, `from ${site.name}`);
    await exported(
      left,
      left.map((s) => `from ${s.name}`),
    );
  });

  test('item 23: two halves flood by themselves; what waited crosses when they are one again', async () => {
    const sites = await started({ sites: 4, cuttable: true, group: { update_period_ms: '0' } });
    const halves = [sites.slice(0, 2), sites.slice(2)];
    await world.part(halves[0]!, 'refused');
    await submit(sites[0]!, 'left');
    await submit(sites[3]!, 'right');
    await exported(halves[0]!, ['left']);
    await exported(halves[1]!, ['right']);
    await world.part(halves[0]!, 'none');
    await exported(sites, ['left', 'right']);
    expect(sites.map((s) => s.flood.missing('mirror')?.length)).toEqual([0, 0, 0, 0]);
  });

  test('item 24: apart for longer than the purge period: forgotten on both sides, and members again afterwards', async () => {
    const site = { options: { site_purge_period_ms: '3000' } };
    const sites = await started({ sites: 4, cuttable: true, site });
    const halves = [sites.slice(0, 2), sites.slice(2)];
    await world.part(halves[0]!, 'silent');
    await until(() => sites[0]!.flood.members('mirror')!.length === 2);
    await world.part(halves[0]!, 'none');
    await settled(sites);
    await until(() => sites.every((s) => connected(s, sites, 2)));
    await submit(sites[3]!, 'again');
    await exported(sites, ['again']);
  });

  test('item 25: the topology changes while a neighbour is down: its queue stays and arrives', async () => {
    const sites = await started({ sites: 4, group: { update_period_ms: '500' } });
    const [a, b] = sites as [Site, Site, Site, Site];
    const neighbour = sites.find(
      (s) => s !== b && s !== a && edgesAt(a).some((e) => e.includes(s.name) && e.includes('beta')),
    );
    await b.crash();
    const texts = Array.from({ length: 5 }, (_, i) => `while away ${i}`);
    for (const text of texts) await submit(neighbour ?? a, text);
    await until(() => !edgesAt(a).some((e) => e.includes('beta')));
    expect(sites.filter((s) => s !== b).some((s) => s.flood.statistics().queuedSend >= 5)).toBe(true);
    await b.start();
    await until(() => b.exporter.texts.length >= 5);
    await exported([b], texts);
  });

  test('item 26: a link that goes up and down: nothing twice, nothing left behind', async () => {
    const sites = await started({ sites: 3, cuttable: true });
    const texts: string[] = [];
    for (let i = 0; i < 12; i++) {
      await world.part([sites[1]!], i % 2 === 0 ? 'refused' : 'none');
      for (const site of sites) {
        texts.push(`${site.name} ${i}`);
        await submit(site, texts.at(-1)!);
      }
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
    await world.part([sites[1]!], 'none');
    await settled(sites);
    await until(() => sites.every((s) => s.flood.statistics().queuedSend === 0));
    await exported(sites, texts);
    await until(() => sites.every((s) => Number(s.flood.describe!()['connections']) <= 4));
  });

  test('item 27: what is no frame ends its connection only', async () => {
    const sites = await started({ sites: 3 });
    const before = sites[0]!.flood.statistics().protocolErrors;
    for (const garbage of [
      'GET / HTTP/1.0\r\n\r\n',
      'FD\x01\x01\xff\xff\xff\xff\x00\x00\x00\x00',
      'FD\x01\x01\x00\x00\x00\x04\x00\x00\x00\x00((((',
    ]) {
      const { socket, over } = await stranger(sites[0]!, '127.0.0.1');
      socket.write(Buffer.from(garbage, 'latin1'));
      await over;
    }
    expect(sites[0]!.flood.statistics().protocolErrors).toBe(before + 3);
    await submit(sites[2]!, 'still');
    await exported(sites, ['still']);
  });
});

describe('the master', () => {
  test('item 29: it is gone: flooding goes on, nothing is computed, and who comes new joins through another', async () => {
    world = await World.create({ sites: 4, members: 3 });
    const [a, b, c, d] = world.sites as [Site, Site, Site, Site];
    for (const site of [a, b, c]) await site.start();
    await settled([a, b, c]);
    const before = b.flood.topology('mirror')!;
    await a.crash();
    await until(() => stateAt(b, a) === 'down');
    await submit(b, 'without it');
    await exported([b, c], ['without it']);
    expect(b.flood.topology('mirror')).toMatchObject({ epoch: before.epoch, number: before.number });
    d.knows = [1, 3];
    await d.start();
    await until(() => d.flood.members('mirror')?.some((m) => m.site.name === 'gamma') === true);
    await submit(c, 'to the newcomer');
    await until(() => d.exporter.texts.includes('to the newcomer'));
  });

  test('item 30: it comes back and knows only itself: everybody is listed again, in a larger epoch', async () => {
    const sites = await started({ sites: 4 });
    const [a, b] = sites as [Site, Site, Site, Site];
    const before = b.flood.topology('mirror')!;
    await a.crash();
    a.knows = [0];
    await submit(b, 'meanwhile');
    await a.start();
    await settled(sites);
    await until(() => sites.every((s) => s.flood.topology('mirror')!.epoch > before.epoch));
    await until(() => connected(b, sites, 2));
    await submit(a, 'after');
    await until(() => sites.every((s) => s.exporter.texts.includes('after')));
    await exported(sites.slice(1), ['meanwhile', 'after']);
  });

  test('item 28: who takes the name of another is refused, and it is said loudly', async () => {
    const sites = await started({ sites: 3 });
    const double = await World.create({ sites: 3 });
    try {
      const thief = double.sites[1]!;
      thief.inner = world.inner(sites[1]!);
      thief.inner['site.beta'] = { ...thief.inner['site.beta'], data_port: String(double.portOf(thief)) };
      await thief.start();
      const told = (): boolean => [...sites, thief].some((s) => s.logged.some((l) => l.includes('two daemons claim')));
      await until(told);
      await submit(sites[0]!, 'for the first of the name');
      await exported(sites, ['for the first of the name']);
    } finally {
      await double.destroy();
    }
  });

  test('item 32: a network that is denied has no part', async () => {
    world = await World.create({ sites: 3, group: { deny_sites: '127.0.0.4/32' } });
    await world.start();
    const [a, b, c] = world.sites as [Site, Site, Site];
    await settled([a, b]);
    await submit(a, 'among us');
    await exported([a, b], ['among us']);
    await until(() => [a, b].some((s) => s.logged.some((l) => l.includes('was refused') && l.includes('530'))));
    expect(c.exporter.texts).toEqual([]);
    expect(a.flood.members('mirror')?.map((m) => m.site.name)).toEqual(['alpha', 'beta']);
  });
});

describe('storage', () => {
  const site = { options: { data_storage_max_bytes: '100 KB' } };

  test('item 33: what waits for a site that is down goes first, oldest first, and is counted', async () => {
    const sites = await started({ sites: 3, site, group: { update_period_ms: '0' } });
    const [a, b, c] = sites as [Site, Site, Site];
    await b.crash();
    await until(() => stateAt(a, b) === 'down');
    const texts = Array.from({ length: 300 }, (_, i) => `${String(i).padStart(4, '0')}${'x'.repeat(496)}`);
    for (const text of texts) {
      await submit(a, text);
      await until(() => c.exporter.texts.length > 0 && c.exporter.texts.at(-1)! >= text);
    }
    await exported([a, c], texts);
    const { droppedDown, droppedSend, droppedExport, bytesStored } = a.flood.statistics();
    expect([droppedSend, droppedExport]).toEqual([0, 0]);
    expect(bytesStored).toBeLessThanOrEqual(100_000);
    await until(() => a.flood.statistics().queuedSend + droppedDown === 300);
    await b.start();
    await settled(sites);
    await until(() => a.flood.statistics().queuedSend + c.flood.statistics().queuedSend === 0);
    await until(() => b.exporter.texts.length > 0);
    // The newest are there, as many as fit.
    expect(b.exporter.texts.includes(texts.at(-1)!)).toBe(true);
    expect(b.exporter.texts.length).toBeLessThan(300);
    expect(new Set(b.exporter.ids).size).toBe(b.exporter.ids.length);
  });

  test('item 36: an update larger than the storage is refused', async () => {
    const [a] = (await started({ sites: 2, site })) as [Site];
    expect(await a.flood.submit(Buffer.alloc(60_000))).toBe('too-large');
    expect(await a.flood.submit(Buffer.alloc(0))).toBe('empty');
  });
});

test('item 48: the resync command runs once after a gap was given up, and is told what is missing', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'peal-resync-'));
  try {
    const told = join(folder, 'alpha');
    const command = `d=${folder}; (pwd; env | grep ^FLOODD_ | sort; cat) > $d/new; echo run >> "$d/$FLOODD_PEER.runs"; mv $d/new "$d/$FLOODD_PEER"`;
    const options = { data_storage_max_bytes: '20 KB', log_purge_period_ms: '1000' };
    // Estimates that rare tell nobody that a peer is ahead before the gap is given up.
    world = await World.create({
      sites: 2,
      cuttable: true,
      site: { options },
      group: { estimates_period_ms: '60000' },
    });
    const [a, b] = world.sites as [Site, Site];
    b.more = { resync_command: command };
    await world.start();
    await settled(world.sites);
    const { incarnation } = await submit(a, 'first');
    await exported(world.sites, ['first']);
    const gap = async (): Promise<void> => {
      const before = b.flood.statistics().gapsAbandoned;
      await world.part([b], 'refused');
      await until(() => stateAt(a, b) === 'down');
      for (let i = 0; i < 60; i++) {
        await submit(a, 'x'.repeat(500));
        await until(() => a.flood.statistics().queuedExport === 0);
      }
      await world.part([b], 'none');
      await until(() => b.flood.statistics().gapsAbandoned > before);
    };
    await gap();
    expect(a.flood.statistics().droppedDown).toBeGreaterThan(0);
    await until(() => existsSync(told));
    const [first] = b.flood.missing('mirror')!;
    expect(first).toMatchObject({ origin: 'alpha', incarnation, first: 2, reason: 'abandoned' });
    expect(readFileSync(told, 'utf8').split('\n')).toEqual([
      '/',
      'FLOODD_GROUP=mirror',
      'FLOODD_PEER=alpha',
      'FLOODD_PEER_CLIENT_PORT=2000',
      'FLOODD_PEER_HOST=127.0.0.1',
      'FLOODD_REASON=abandoned',
      `alpha ${incarnation} 2-${first!.last} abandoned`,
      '',
    ]);
    // Another gap to the same peer within the minute: listed, and no second run.
    await gap();
    expect(b.flood.missing('mirror')!.length).toBe(2);
    expect(readFileSync(`${told}.runs`, 'utf8')).toBe('run\n');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

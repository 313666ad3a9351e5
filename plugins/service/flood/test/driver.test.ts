// The driver: real sites in one process, over real sockets (docs/floodd.md). What the machine decides is proven by its own
// simulator; here: that everything around it does what it asks for.
import { afterEach, describe, expect, test } from '@jest/globals';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bytes, type Site, submit, until, World, type WorldOptions } from './world.js';

let world: World;
afterEach(() => world.destroy());

async function started(o: WorldOptions): Promise<readonly Site[]> {
  world = await World.create(o);
  await world.start();
  const all = (): boolean =>
    world.sites.every((s) => {
      const topology = s.flood.topology('mirror');
      return topology?.generator === 'builtin' && s.flood.members('mirror')?.length === o.sites;
    });
  await until(all);
  return world.sites;
}

test('item 14: five sites, k = 2: an update at one is exported once at every site', async () => {
  const sites = await started({ sites: 5 });
  await submit(sites[0]!, 'hello');
  await until(() => sites.every((s) => s.exporter.texts.length > 0));
  for (const s of sites) expect(s.exporter.texts).toEqual(['hello']);
  for (const s of sites) expect(s.exporter.batches[0]?.labels).toMatchObject({ site: s.name, client_port: '2000' });
  const { edges } = sites[3]!.flood.topology('mirror')!;
  expect(edges.length).toBeGreaterThanOrEqual(5);
});

test('item 15: 10000 updates of 100 bytes from three sites, each exported once everywhere', async () => {
  const sites = await started({ sites: 5 });
  const text = 'x'.repeat(92);
  const from = async (site: Site, count: number): Promise<void> => {
    for (let i = 0; i < count; i++) await submit(site, `${site.name.slice(0, 2)}${String(i).padStart(6, '0')}${text}`);
  };
  await Promise.all([from(sites[0]!, 3334), from(sites[1]!, 3333), from(sites[2]!, 3333)]);
  await until(() => sites.every((s) => s.exporter.ids.length >= 10_000));
  for (const s of sites) {
    expect(new Set(s.exporter.ids).size).toBe(10_000);
    expect(s.exporter.ids.length).toBe(10_000);
    const { droppedDown, droppedSend, droppedExport, droppedFull } = s.flood.statistics();
    expect([droppedDown, droppedSend, droppedExport, droppedFull]).toEqual([0, 0, 0, 0]);
  }
  expect(sites.reduce((sum, s) => sum + s.flood.statistics().duplicates, 0)).toBeGreaterThan(0);
}, 120_000);

test('item 39: a slow exporter holds up nobody: others have everything meanwhile, and bundles grow', async () => {
  const sites = await started({ sites: 3 });
  let release = (): void => undefined;
  sites[1]!.exporter.held = new Promise((resolve) => (release = resolve));
  for (let i = 0; i < 200; i++) await submit(sites[0]!, `u${i}`);
  await until(() => sites[0]!.exporter.ids.length === 200 && sites[2]!.exporter.ids.length === 200);
  expect(sites[1]!.exporter.ids.length).toBe(0);
  sites[1]!.exporter.held = undefined;
  release();
  await until(() => sites[1]!.exporter.ids.length === 200);
  expect(sites[1]!.exporter.batches.length).toBeLessThan(20);
  expect(sites[1]!.exporter.texts).toEqual(Array.from({ length: 200 }, (_, i) => `u${i}`));
}, 60_000);

test('item 12: an orderly end is seen by the others at once', async () => {
  const [a, b] = (await started({ sites: 2, group: { down_period_ms: '600000' } })) as [Site, Site];
  await b.stop();
  await until(() => a.flood.members('mirror')!.length === 1);
});

describe('over lmdb', () => {
  const site = { storage: 'lmdb' } as const;
  test('what waits for a site that is down survives the restart of who keeps it', async () => {
    const sites = await started({ sites: 3, site, group: { update_period_ms: '0' } });
    const [a, b, c] = sites as [Site, Site, Site];
    await c.crash();
    await until(() => a.flood.members('mirror')?.find((m) => m.site.name === 'gamma')?.state === 'down');
    for (let i = 0; i < 50; i++) await submit(a, `kept ${i}`);
    await until(() => b.exporter.ids.length === 50);
    const before = a.flood.statistics();
    expect(before.queuedSend).toBeGreaterThanOrEqual(50);
    await a.stop();
    await b.stop();
    await a.start();
    expect(a.flood.statistics().incarnation).toBeGreaterThan(before.incarnation);
    expect(a.flood.statistics().queuedSend).toBeGreaterThanOrEqual(50);
    await b.start();
    await c.start();
    await until(() => new Set(c.exporter.texts).size >= 50);
    expect(c.exporter.texts.length).toBe(50);
    // What was exported before the restart is not exported again.
    expect(a.exporter.ids.length).toBe(50);
    expect(b.exporter.ids.length).toBe(50);
  }, 60_000);
});

test('the incarnation is kept, so that it grows when the clock has gone back', async () => {
  const [a] = (await started({ sites: 1 })) as [Site];
  const first = a.flood.statistics().incarnation;
  await a.stop();
  const file = join(world.folder, 'alpha', 'service.flood.incarnation');
  expect(readFileSync(file, 'latin1')).toBe(`${first}\n`);
  writeFileSync(file, `${first + 1_000_000_000}\n`);
  await a.start();
  expect(a.flood.statistics().incarnation).toBe(first + 1_000_000_001);
});

test('a channel between applications of two sites', async () => {
  const [a, b] = (await started({ sites: 2, site: { options: { resync_serve_command: 'tr a-z A-Z' } } })) as [
    Site,
    Site,
  ];
  const parts: string[] = [];
  let over = false;
  const sink = {
    received: (part: Uint8Array) => void parts.push(Buffer.from(part).toString()),
    drained: () => undefined,
    closed: () => (over = true),
  };
  const channel = await a.flood.connect('beta', sink);
  if (typeof channel === 'string') throw new Error(channel);
  expect(channel.peer).toBe('beta');
  channel.write(bytes('words'));
  channel.end();
  expect(await a.flood.connect('nobody', sink)).toBe('unknown-site');
  const again = await a.flood.connect('beta', sink);
  if (typeof again === 'string') throw new Error(again);
  await b.stop();
  await until(() => over);
}, 60_000);

describe('administration', () => {
  test('from loopback only, and terminate ends the daemon', async () => {
    const [a] = (await started({ sites: 1 })) as [Site];
    expect(['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1'].every((x) => a.flood.isAdmin(x))).toBe(true);
    expect(['10.0.0.1', '::2', 'x'].some((x) => a.flood.isAdmin(x))).toBe(false);
    a.flood.terminate();
    expect(a.asked).not.toBe('');
  });
  test('every counter is plain', async () => {
    const [a] = (await started({ sites: 1 })) as [Site];
    const values = a.flood.describe?.() ?? {};
    expect(values).toMatchObject({ site: 'alpha', updates_originated: 0, connections: 0 });
    for (const value of Object.values(values)) expect(['string', 'number', 'boolean']).toContain(typeof value);
  });
});

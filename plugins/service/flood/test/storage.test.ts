// Real sites whose data storage is too small for what goes on: what is given up, in which order, and that nothing stands still
// for it. Items 34, 35 and 37 of the checklist (33 and 36 are in faults.test.ts).
import { afterEach, expect, jest, test } from '@jest/globals';
import { settled, type Site, submit, until, World, type WorldOptions } from './world.js';

jest.setTimeout(120_000);

let world: World;
afterEach(() => world.destroy());

const SMALL = { options: { data_storage_max_bytes: '50 KB' } };
const text = (n: number): string => `${String(n).padStart(4, '0')}${'x'.repeat(496)}`;

async function started(sites: number, more: Partial<WorldOptions> = {}): Promise<readonly Site[]> {
  world = await World.create({ sites, site: SMALL, ...more });
  await world.start();
  await settled(world.sites);
  return world.sites;
}

/** Holds the exporter of that site; answers what lets it go. */
function held(site: Site): () => void {
  let release = (): void => undefined;
  site.exporter.held = new Promise((resolve) => (release = resolve));
  return () => {
    site.exporter.held = undefined;
    release();
  };
}

test('item 34: nobody is down: what waits to be sent is given up before what waits for export', async () => {
  const sites = await started(2, { cuttable: true, group: { update_period_ms: '0', down_period_ms: '60000' } });
  const [a, b] = sites as [Site, Site];
  const release = held(a);
  await world.part([b], 'silent');
  // Both queues hold the same updates: references to send go, and make no room by themselves, until those to export go too.
  for (let n = 0; n < 200; n++) {
    await submit(a, text(n));
    expect(a.flood.statistics().bytesStored).toBeLessThanOrEqual(50_000);
  }
  const { droppedDown, droppedSend, droppedExport } = a.flood.statistics();
  expect(droppedDown).toBe(0);
  expect(droppedSend).toBeGreaterThan(0);
  expect(droppedSend).toBeGreaterThanOrEqual(droppedExport);
  release();
  await until(() => a.exporter.ids.length + a.flood.statistics().droppedExport === 200);
  await world.part([b], 'none');
});

test('item 35: all full at once: nothing stands still, links stay, all is well when the load ends', async () => {
  const sites = await started(3);
  const releases = sites.map(held);
  const before = sites.map((s) => s.flood.statistics().linksUp);
  for (let n = 0; n < 150; n++) await Promise.all(sites.map((s) => s.flood.submit(Buffer.from(text(n)))));
  expect(sites.map((s) => s.flood.statistics().linksUp)).toEqual(before);
  for (const release of releases) release();
  await until(() => sites.every((s) => s.flood.statistics().queuedExport + s.flood.statistics().queuedSend === 0));
  for (const s of sites) s.exporter.texts.length = 0;
  await submit(sites[0]!, 'afterwards');
  await until(() => sites.every((s) => s.exporter.texts.includes('afterwards')));
  for (const s of sites) expect(new Set(s.exporter.ids).size).toBe(s.exporter.ids.length);
});

test('item 37: the bundle of the run in progress is not disturbed', async () => {
  const [a] = (await started(1)) as [Site];
  const release = held(a);
  await submit(a, 'in progress');
  await until(() => a.exporter.batches.length === 1);
  for (let n = 0; n < 200; n++) await submit(a, text(n));
  expect(a.flood.statistics().droppedExport).toBeGreaterThan(0);
  release();
  await until(() => a.flood.statistics().queuedExport === 0);
  expect(a.exporter.texts[0]).toBe('in progress');
  expect(a.exporter.texts.at(-1)).toBe(text(199));
  const { droppedExport, updatesExported } = a.flood.statistics();
  expect(droppedExport + updatesExported).toBe(201);
});

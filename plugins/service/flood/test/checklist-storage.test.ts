// Items 33 to 40 of floodd's checklist (docs/floodd.md): storage that is full, and export, as the machine alone shows them on
// virtual time.
import { describe, expect, test } from '@jest/globals';
import { Stage } from '../../../../test/sim/flood/stage.js';

const KB = 'x'.repeat(1000);
/** What one update of 1000 bytes takes. */
const COST = 1512;

describe('storage', () => {
  test('item 33: what waits for a site that is down goes first, oldest first, and nobody else loses', () => {
    const s = new Stage({
      sites: ['a', 'b', 'c'],
      group: { updatePeriodMs: 0 },
      localOf: { a: { dataStorageMaxBytes: 100_000, updateMaxBytes: 50_000 } },
    }).start();
    s.site('b').kill();
    s.wait(3000);
    expect(s.stateAt('a', 'b')).toBe('down');
    for (let i = 0; i < 200; i++) {
      s.submit('a', `${i} ${KB}`.slice(0, 1000));
      s.wait(50);
    }
    s.wait(1000);
    const { droppedDown, droppedSend, droppedExport, bytesStored } = s.statistics('a');
    expect(bytesStored).toBeLessThanOrEqual(100_000);
    expect(droppedDown + Math.floor(bytesStored / COST)).toBe(200);
    expect([droppedSend, droppedExport]).toEqual([0, 0]);
    expect(s.exported.get('c')!.length).toBe(200);
  });

  test('item 34: nobody down, a slow export: send queues are touched before exports, the limit holds', () => {
    const s = new Stage({
      sites: ['a', 'b'],
      localOf: { a: { dataStorageMaxBytes: 20_000, updateMaxBytes: 10_000 } },
    }).start();
    s.site('a').outside.exportBusy = true;
    s.part(['a'], ['b']);
    for (let i = 0; i < 13; i++) s.submit('a', KB);
    expect(s.statistics('a')).toMatchObject({ droppedSend: 0, droppedExport: 0, queuedSend: 13, queuedExport: 13 });
    s.submit('a', KB);
    // One more needs the bytes of one: its send reference goes first, and the bytes only with its export.
    const after = s.statistics('a');
    expect(after.droppedSend).toBeGreaterThanOrEqual(1);
    expect(after.bytesStored).toBeLessThanOrEqual(20_000);
    expect(after.droppedSend).toBeGreaterThanOrEqual(after.droppedExport);
    expect(
      s
        .machine('a')
        .missing('g')!
        .filter((m) => m.reason === 'dropped-export').length,
    ).toBeGreaterThan(0);
  });

  test('item 35: all full at once: links stay, and all recover', () => {
    const names = ['a', 'b', 'c'];
    const s = new Stage({ sites: names, local: { dataStorageMaxBytes: 10_000, updateMaxBytes: 5_000 } }).start();
    for (const name of names) s.site(name).outside.exportBusy = true;
    for (let i = 0; i < 60; i++) {
      for (const name of names) s.submit(name, KB);
      s.wait(20);
    }
    expect(names.map((n) => s.statistics(n).linksUp)).toEqual([2, 2, 2]);
    for (const name of names) s.site(name).outside.exportBusy = false;
    s.wait(5000);
    s.submit('a', 'after');
    s.wait(2000);
    for (const name of names) {
      expect(s.exported.get(name)).toContain('after');
      expect(s.statistics(name)).toMatchObject({ bytesStored: 0, queuedSend: 0, queuedExport: 0 });
    }
  });

  test('item 36: an update larger than may be: refused to a client, acknowledged and dropped from a neighbour', () => {
    const s = new Stage({ sites: ['a', 'b'], localOf: { a: { dataStorageMaxBytes: 10_000, updateMaxBytes: 5_000 } } });
    s.start();
    expect(s.submit('a', 'x'.repeat(5_001))).toBe('too-large');
    const peer = s.guest('a').greet('z');
    peer.say({ kind: 'have', group: 'g', origins: [] }).data({ sequence: 1, text: 'x'.repeat(20_000) });
    expect(peer.acknowledged).toEqual([1]);
    expect(s.statistics('a')).toMatchObject({ droppedOversize: 1, updatesReceived: 0 });
    expect(peer.open).toBe(true);
  });

  test('item 37: the bundle under way is not disturbed when the limit is reached', () => {
    const s = new Stage({ sites: ['a'], local: { dataStorageMaxBytes: 10_000, updateMaxBytes: 5_000 } }).start();
    s.site('a').outside.exportMs = 60_000;
    s.submit('a', 'running');
    for (let i = 0; i < 40; i++) s.submit('a', KB);
    s.site('a').outside.exportMs = 20;
    s.wait(70_000);
    const { exportFailures, droppedExport, updatesExported, bytesStored } = s.statistics('a');
    expect(s.exported.get('a')!.filter((t) => t === 'running').length).toBe(1);
    expect([exportFailures, bytesStored]).toEqual([0, 0]);
    expect(droppedExport + updatesExported).toBe(41);
  });
});

describe('export', () => {
  test('item 38: what comes while a run is in progress comes bundled in the next', () => {
    const s = new Stage({ sites: ['a'] }).start();
    s.site('a').outside.exportMs = 1000;
    for (const u of ['1', '2', '3']) s.submit('a', u);
    s.wait(3000);
    expect(s.bundles.get('a')).toEqual([1, 2]);
    expect(s.exported.get('a')).toEqual(['1', '2', '3']);
  });

  test('item 39: a slow export delays no neighbour, its bundles grow, order per origin is kept', () => {
    const s = new Stage({ sites: ['a', 'b'] }).start();
    s.site('a').outside.exportMs = 10_000;
    const all = Array.from({ length: 100 }, (_, i) => `u${i}`);
    for (const u of all) {
      s.submit('a', u);
      s.wait(20);
    }
    s.wait(500);
    expect(s.exported.get('b')).toEqual(all);
    s.wait(60_000);
    expect(s.exported.get('a')).toEqual(all);
    expect(Math.max(...s.bundles.get('a')!)).toBeGreaterThan(10);
  });

  test('item 40: what the exporter gives up is dropped, counted and listed; later updates go on', () => {
    const s = new Stage({ sites: ['a'] }).start();
    s.site('a').outside.exportFails = 1000;
    s.submit('a', 'lost');
    s.wait(1000);
    s.site('a').outside.exportFails = 0;
    s.submit('a', 'kept');
    s.wait(1000);
    expect(s.statistics('a')).toMatchObject({ exportFailures: 1, exportDropped: 1, updatesExported: 1 });
    expect(s.machine('a').missing('g')).toMatchObject([{ first: 1, last: 1, reason: 'dropped-export' }]);
  });
});

// A site and real export commands (docs/floodd.md, Export): bundles, failures, commands that are missing, die, do not read or
// hang, and what is said of what was given up. Items 38 to 42 of the checklist.
import { afterEach, expect, jest, test } from '@jest/globals';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { settled, type Site, type SiteOptions, submit, until, World } from './world.js';

jest.setTimeout(120_000);

let world: World;
const folder = mkdtempSync(join(tmpdir(), 'peal-flood-export-'));
afterEach(() => world.destroy());
const file = (name: string): string => join(folder, name);
const read = (name: string): string => (existsSync(file(name)) ? readFileSync(file(name), 'utf8') : '');

async function one(command: SiteOptions['command']): Promise<Site> {
  world = await World.create({ sites: 1, site: command === undefined ? {} : { command } });
  await world.start();
  await settled(world.sites);
  return world.sites[0]!;
}

test('item 38: without a command data is dropped, and counted', async () => {
  const a = await one('none');
  await submit(a, 'one');
  await submit(a, 'two');
  expect(a.flood.statistics()).toMatchObject({ updatesOriginated: 2, updatesExported: 0, exportDropped: 2 });
  // For two join periods they are kept for a site that may come.
  await until(() => a.flood.statistics().bytesStored === 0);
});

test('item 38: what comes while a run is under way is one bundle, oldest first', async () => {
  const a = await one({
    command: `cat >> ${file('38')}; echo " $FLOODD_COUNT $FLOODD_BYTES $FLOODD_GROUP $FLOODD_SITE" >> ${file('38')}; sleep 0.5`,
  });
  for (const text of ['first', 'second', 'third']) await submit(a, text);
  await until(() => a.flood.statistics().updatesExported === 3);
  expect(read('38')).toBe('first 1 5 * alpha\nsecondthird 2 11 * alpha\n');
});

test('item 40: the same bundle until the command succeeds, then the next', async () => {
  const script = `cat >> ${file('40')}; echo >> ${file('40')}; test $(wc -l < ${file('40')}) -ge 3`;
  const a = await one({ command: script });
  await submit(a, 'again');
  await submit(a, ' and again');
  await until(() => a.flood.statistics().updatesExported === 2);
  expect(read('40')).toBe('again\nagain\nagain\n and again\n');
  expect(a.exports()).toMatchObject({ runs: 4, failed_runs: 2 });
});

test('item 40: always failing: given up after the retries and listed; later ones are exported', async () => {
  const a = await one({ command: `test -e ${file('good')} && cat >> ${file('40b')}`, retries: '0' });
  const { incarnation } = await submit(a, 'lost');
  await until(() => a.flood.statistics().exportFailures === 1);
  expect(a.flood.missing('mirror')).toEqual([
    { origin: 'alpha', incarnation, first: 1, last: 1, reason: 'dropped-export' },
  ]);
  writeFileSync(file('good'), '');
  await submit(a, 'later');
  await until(() => read('40b') === 'later');
});

test('item 41: a command that is missing, killed, or does not read 4 MB: the site lives', async () => {
  const a = await one({
    command: 'case "$FLOODD_BYTES" in 3) /no/such/command;; 4) kill -9 $$;; *) exit 0;; esac',
    retries: '0',
  });
  await submit(a, 'abc');
  await until(() => a.flood.statistics().exportFailures === 1);
  await submit(a, 'abcd');
  await until(() => a.flood.statistics().exportFailures === 2);
  await submit(a, 'x'.repeat(4_194_304));
  await until(() => a.flood.statistics().updatesExported === 1);
  expect(a.exports()).toMatchObject({ runs: 3, failed_runs: 2 });
});

test('item 42: a command that hangs is ended with its children; it works in the root directory, its output is nowhere', async () => {
  const script = `pwd > ${file('42')}; echo unheard; if test "$FLOODD_BYTES" = 3; then sleep 300 & echo $! > ${file('child')}; wait; fi`;
  const a = await one({ command: script, timeout_ms: '500', retries: '0' });
  await submit(a, 'abc');
  await until(() => a.flood.statistics().exportFailures === 1);
  expect(read('42')).toBe('/\n');
  expect(
    existsSync(`/proc/${read('child').trim()}/cmdline`) &&
      readFileSync(`/proc/${read('child').trim()}/cmdline`, 'utf8') !== '',
  ).toBe(false);
  await submit(a, 'abcd');
  await until(() => a.flood.statistics().updatesExported === 1);
  rmSync(folder, { recursive: true, force: true });
});

// From definitions to settings: defaults that hang on others, the least a site must know, networks of access lists, and
// the same configuration said in both languages.
import { describe, expect, test } from '@jest/globals';
import { fileURLToPath } from 'node:url';
import { PealErrors } from 'peal/plugin';
import { readDefinitions } from '../config/definitions.js';
import { loadFlood } from '../config/load.js';
import { addressBytes, contains, networkOf } from '../config/networks.js';
import { type Settled, settle } from '../config/settings.js';

const FIXTURE = fileURLToPath(new URL('../../../../../test/fixtures/floodd/two-sites.floodd', import.meta.url));
const site = (name: string, more = ''): string =>
  `(:site-define (:site-name ${name}) (:hostname ${name}.example.org) (:client-port 2000) (:data-port 2001) ${more})`;

function settled(text: string, own = 'a'): Settled {
  const read = readDefinitions(text, 'f');
  expect(read.errors.map(String)).toEqual([]);
  return settle(read, own);
}

function codes(text: string, own = 'a'): string[] {
  try {
    settled(text, own);
    return [];
  } catch (error) {
    return (error as PealErrors).errors.map((e) => e.code.replace('PEAL_SERVICE_FLOOD_', ''));
  }
}

describe('defaults', () => {
  const { settings } = settled(`${site('a')}${site('b')}(:group-define (:group-name g) (:site b) (:site a) (:site b))`);
  test('of a group', () => {
    expect(settings.groups).toEqual([
      {
        name: 'g',
        sites: ['b', 'a'],
        masterSite: 'b',
        connectivity: 2,
        updatePeriodMs: 120_000,
        joinPeriodMs: 60_000,
        pingPeriodMs: 15_000,
        bandwidthPeriodMs: 60_000,
        estimatesPeriodMs: 30_000,
        downPeriodMs: 90_000,
        bandwidthSizeBytes: 65_536,
        allow: [],
        deny: [],
      },
    ]);
  });
  test('of what is local', () => {
    expect(settings.local).toMatchObject({
      dataStorageMaxBytes: 16_777_216,
      updateMaxBytes: 4_194_304,
      logPurgePeriodMs: 3_600_000,
      sitePurgePeriodMs: 600_000,
      exportLocal: true,
    });
    expect(settings.local.adminSites.map((n) => n.prefixBits)).toEqual([8, 128]);
  });
  test('an update is at most half of the storage', () => {
    const group = `${site('a')}(:group-define (:group-name g) (:site a))`;
    expect(settled(`${group}(:local (:data-storage-max 1000))`).settings.local.updateMaxBytes).toBe(500);
    const { warnings, settings: s } = settled(`${group}(:local (:data-storage-max 1000) (:update-max 900))`);
    expect([s.local.updateMaxBytes, warnings.length]).toEqual([500, 1]);
  });
});

describe('the least a site must know', () => {
  const group = '(:group-define (:group-name g) (:site a) (:site b))';
  test.each([
    ['itself as the master', `${site('a')}${group}`, []],
    ['nothing', '', ['NO_SITES', 'NO_GROUPS']],
    ['no member but itself, and it is not the master', `${site('b')}${group}`, ['NO_WAY_IN'], 'b'],
    [
      'a member that is not the master',
      `${site('a')}${site('c')}(:group-define (:group-name g) (:site a) (:site c) (:master-site b) (:site b))`,
      [],
    ],
    [
      'a master that is told of by others',
      `${site('a')}${site('b')}(:group-define (:group-name g) (:site a) (:site b) (:master-site m))`,
      [],
    ],
    ['a group without sites', `${site('a')}(:group-define (:group-name g))`, ['MISSING']],
    [
      'bad numbers',
      `${site('a', '(:longitude east) (:latitude 91) (:inet-address 1.2.3)')}(:group-define (:group-name g) (:site a) (:deny-site 300.0.0.0))`,
      ['BAD_VALUE', 'BAD_VALUE', 'BAD_VALUE', 'BAD_VALUE'],
    ],
  ] as const)('%s', (_, text, expected, own: string = 'a') => {
    expect(codes(text, own)).toEqual(expected);
  });
  test('a site is in the groups that list it; a newcomer in all of the file', () => {
    const text = `${site('a')}${site('b')}${site('c')}(:group-define (:group-name g) (:site a) (:site b))(:group-define (:group-name h) (:site b))`;
    const names = (own: string): string[] => settled(text, own).settings.groups.map((g) => g.name);
    expect([names('a'), names('b'), names('c')]).toEqual([['g'], ['g', 'h'], ['g', 'h']]);
  });
});

describe('item 32: networks', () => {
  const inside = (network: string, address: string): boolean => contains(networkOf(network)!, addressBytes(address)!);
  test('of classes A, B and C, and with a length', () => {
    expect(inside('18.0.0.0', '18.200.1.1')).toBe(true);
    expect(inside('18.0.0.0', '19.0.0.1')).toBe(false);
    expect(inside('128.125.0.0', '128.125.9.9')).toBe(true);
    expect(inside('128.125.0.0', '128.126.0.0')).toBe(false);
    expect(inside('192.1.2.0', '192.1.2.3')).toBe(true);
    expect(inside('192.1.2.0', '192.1.3.3')).toBe(false);
    expect(inside('10.1.128.0/17', '10.1.200.1')).toBe(true);
    expect(inside('10.1.128.0/17', '10.1.1.1')).toBe(false);
    expect(inside('0.0.0.0', '1.2.3.4')).toBe(true);
    expect(inside('127.0.0.0', '::ffff:127.0.0.1')).toBe(true);
    expect(inside('fe80::/10', 'fe80::1%eth0')).toBe(true);
    expect(inside('::1', '::1')).toBe(true);
    expect(inside('127.0.0.0', '::1')).toBe(false);
  });
  test('nothing else is one', () => {
    for (const text of [
      '',
      '18',
      '18.0.0',
      '1.2.3.4.5',
      '256.0.0.0',
      '10.0.0.0/33',
      '224.0.0.1',
      '::1::',
      'g::',
      '1:2:3:4:5:6:7:8:9',
      'x/8',
    ])
      expect(networkOf(text)).toBeUndefined();
  });
});

describe('both languages', () => {
  test('the file of the fixture as two sites', () => {
    for (const own of ['master', 'inferno']) {
      const { settings, warnings } = loadFlood({ file: FIXTURE, site: own });
      expect(warnings).toEqual([]);
      expect(settings).toMatchObject({ site: own, local: { exportCommand: '/usr/local/lib/replica/take-in' } });
    }
  });
  test('what INI says goes before the file', () => {
    const { settings } = loadFlood({
      file: FIXTURE,
      site: 'inferno',
      local: { sitePurgePeriodMs: 1000, updateMaxBytes: undefined },
      sites: [{ ...readDefinitions(site('inferno'), 'f').sites[0]!, dataPort: 7 }],
    });
    expect(settings.local.sitePurgePeriodMs).toBe(1000);
    expect(settings.sites.map((s) => `${s.name} ${s.dataPort}`)).toEqual(['inferno 7', 'master 2001']);
  });
});

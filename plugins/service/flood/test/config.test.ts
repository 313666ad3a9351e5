// Reading floodd's S-expression language (docs/floodd.md): the lexical rules, merging, warnings, errors with their places;
// where the file is looked for, and which of its sites this daemon is. Items 1 to 5 of the checklist, but for processes.
import { describe, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { PealError } from 'peal/plugin';
import { type Definitions, readDefinitions } from '../config/definitions.js';
import { findConfig, ownSite } from '../config/find.js';

const FIXTURE = fileURLToPath(new URL('../../../../../test/fixtures/floodd/two-sites.floodd', import.meta.url));
const read = (text: string): Definitions => readDefinitions(text, 'f');
const SITE = '(:site-define (:site-name a) (:hostname h) (:client-port 1) (:data-port 2))';

/** `CODE LINE:COLUMN` of each. */
const places = (errors: readonly PealError[]): string[] =>
  errors.map((e) => `${e.code.replace('PEAL_SERVICE_FLOOD_', '')} ${String(e.at?.line)}:${String(e.at?.column)}`);

function thrown(text: string): string {
  try {
    read(text);
  } catch (error) {
    return String(error);
  }
  return 'nothing';
}

test('item 1: a file in the manner of the original loads as it is', () => {
  const {
    sites,
    groups,
    local,
    export: run,
    errors,
    warnings,
  } = readDefinitions(readFileSync(FIXTURE, 'utf8'), FIXTURE);
  expect([errors, warnings]).toEqual([[], []]);
  expect(sites).toMatchObject([
    { name: 'master', hostname: 'localhost', inetAddress: '127.0.0.1', clientPort: 2000, dataPort: 2001 },
    { name: 'inferno', clientPort: 2010, dataPort: 2011, latitude: '34.02', longitude: '-118.29' },
  ]);
  expect(groups).toMatchObject([
    {
      name: 'mirror-1',
      sites: ['master', 'inferno'],
      masterSite: 'master',
      pingPeriodMs: 15_000,
      bandwidthPeriodMs: 60_000,
      estimatesPeriodMs: 30_000,
      updatePeriodMs: 120_000,
      joinPeriodMs: 60_000,
      connectivity: 2,
      allowSites: ['127.0.0.0'],
    },
  ]);
  expect(local.sitePurgePeriodMs).toBe(600_000);
  expect(run).toEqual({
    exportCommand: '/usr/local/lib/replica/take-in',
    exportTimeoutMs: 300_000,
    exportRetry: 3,
    exportBundleMaxBytes: 1_048_576,
  });
});

describe('item 2: the language', () => {
  test('a keyword touches a string; strings quote with a backslash; comments end with the line, not in strings', () => {
    const { sites } = read(
      `(:site-define (:site-name"a \\"b\\" ; \\\\") (:hostname h);c )\n(:client-port 1)(:data-port 2))`,
    );
    expect(sites[0]?.name).toBe('a "b" ; \\');
  });
  test('keywords in any case, values as they are', () => {
    expect(read('(:Site-DEFINE (:SITE-name Abc) (:hostname H) (:client-port 1) (:data-port 2))').sites).toMatchObject([
      { name: 'Abc', hostname: 'H' },
    ]);
  });
  test('lists repeat, scalars warn and the last holds, forms of one name merge', () => {
    const { groups, warnings } = read(
      '(:group-define (:group-name g) (:site a) (:site b) (:connectivity 2))\n(:group-define (:connectivity 3) (:group-name"g") (:site c))',
    );
    expect(groups).toMatchObject([{ name: 'g', sites: ['a', 'b', 'c'], connectivity: 3 }]);
    expect(places(warnings)).toEqual(['REPEATED 2:16']);
  });
  test('both spellings of the latitude', () => {
    for (const word of ['lattitude', 'latitude'])
      expect(read(SITE.replace(/\)$/, `(:${word} 1.5))`)).sites[0]?.latitude).toBe('1.5');
  });
  test('what is unknown is ignored with a warning and a hint', () => {
    const { warnings, errors } = read(`(:sitedefine (:x y))\n(:local (:site-purge-perod 3) (:colour red))`);
    expect(errors).toEqual([]);
    expect(places(warnings)).toEqual(['UNKNOWN_FORM 1:1', 'UNKNOWN_KEYWORD 2:9', 'UNKNOWN_KEYWORD 2:31']);
    expect(String(warnings[1])).toContain('did you mean :site-purge-period?');
  });
  test('a command is a bare path, a string, or several words', () => {
    for (const [written, command] of [
      ['/bin/filer', '/bin/filer'],
      ['"/bin/filer -x  y"', '/bin/filer -x  y'],
      ['/bin/filer -x\n  "y z"', '/bin/filer -x y z'],
    ])
      expect(read(`(:local (:export-command ${written!}))`).export.exportCommand).toBe(command);
  });
  test('durations are seconds, to the millisecond', () => {
    const ms = (text: string): number | undefined =>
      read(`(:local (:log-purge-period ${text}))`).local.logPurgePeriodMs;
    expect(['600', '15.0', '0.2', '0.0301', '5.', '+1', '0'].map(ms)).toEqual([
      600_000, 15_000, 200, 30, 5000, 1000, 0,
    ]);
  });
  test('nothing of the environment of objects is a name', () => {
    expect(places(read('(:constructor (:a b)) (:local (:constructor x))').warnings).length).toBe(2);
  });
});

describe('item 3: errors have file, line and column', () => {
  test.each([
    ['(:local (:site-name a)', "f:1:1: PEAL_SERVICE_FLOOD_SYNTAX '(' begins here and is not closed"],
    ['(:local)\n  )', "f:2:3: PEAL_SERVICE_FLOOD_SYNTAX ')' without"],
    ['(:local (:site-name "a\n))', 'f:1:21: PEAL_SERVICE_FLOOD_SYNTAX a string begins here'],
    [
      '(:local\r\n (site-name a))',
      "f:2:3: PEAL_SERVICE_FLOOD_SYNTAX an item begins with a :keyword, not with 'site-name'",
    ],
    ['(:local (:site-name (a)))', "f:1:21: PEAL_SERVICE_FLOOD_SYNTAX '(' inside of :site-name"],
    ['x', "f:1:1: PEAL_SERVICE_FLOOD_SYNTAX 'x' stands outside"],
    ['()', "f:1:2: PEAL_SERVICE_FLOOD_SYNTAX a form begins with a :keyword, not with ')'"],
    ['"\\', 'f:1:1: PEAL_SERVICE_FLOOD_SYNTAX a string begins here'],
  ])('%j', (text, error) => {
    expect(thrown(text)).toContain(error);
  });
  test('all that is missing or wrong is found at once', () => {
    const { errors } = read(
      [
        '(:site-define (:site-name a) (:hostname h) (:client-port 70000))',
        '(:site-define (:hostname h))',
        '(:group-define (:group-name g) (:ping-period soon) (:connectivity))',
        `(:site-define (:site-name ${'x'.repeat(65)}))`,
      ].join('\n'),
    );
    expect(places(errors).sort()).toEqual([
      'BAD_VALUE 1:58',
      'BAD_VALUE 3:46',
      'BAD_VALUE 4:15',
      'MISSING 1:1',
      'MISSING 2:1',
      'NO_VALUE 3:52',
    ]);
    expect(errors.map(String).join('\n')).toContain(
      "'soon' is not a value for ':ping-period' of :group-define g; write seconds",
    );
  });
});

describe('item 4: where the file is', () => {
  const find = (site: string | undefined, files: string[], env: Record<string, string> = {}): string => {
    try {
      return findConfig(site, { env, exists: (f) => files.includes(f) });
    } catch (error) {
      return (error as PealError).code;
    }
  };
  test('the variable, the file of the site, the common file', () => {
    expect(find('a', ['floodd-a', 'floodd-config'], { FLOODD_CONFIG: '/x' })).toBe('/x');
    expect(find('a', ['floodd-a', 'floodd-config'])).toBe('floodd-a');
    expect(find('b', ['floodd-a', 'floodd-config'])).toBe('floodd-config');
    expect(find(undefined, ['floodd-undefined', 'floodd-config'])).toBe('floodd-config');
    expect(find('../a', ['floodd-../a'])).toBe('PEAL_SERVICE_FLOOD_NO_CONFIG');
    expect(find('a', [])).toBe('PEAL_SERVICE_FLOOD_NO_CONFIG');
  });
});

describe('item 5: which site this is', () => {
  const { sites } = read(
    [
      ['a', 'h.example.org'],
      ['b', 'H2'],
      ['c', 'elsewhere'],
      ['d', 'elsewhere'],
    ]
      .map(([name, host], i) => {
        const address = i < 2 ? '' : `(:inet-address 10.0.0.${i})`;
        return `(:site-define (:site-name ${name!}) (:hostname ${host!}) (:client-port 1) (:data-port 2) ${address})`;
      })
      .join('\n'),
  );
  const own = (named: string | undefined, hostname: string, local: readonly string[] = []): string => {
    try {
      return ownSite(sites, named, { hostname, isLocal: (a) => local.includes(a) }).name;
    } catch (error) {
      return String(error);
    }
  };
  test('the one named', () => expect(own('c', 'h.example.org')).toBe('c'));
  test('the one with the name of the host, full or short, in any case', () => {
    expect(own(undefined, 'h.example.org')).toBe('a');
    expect(own(undefined, 'h2.example.org')).toBe('b');
  });
  test('the one with an address of the host', () => expect(own(undefined, 'x', ['10.0.0.3'])).toBe('d'));
  test('refuses when none or two are meant', () => {
    expect(own('e', 'x')).toContain('take one of: a, b, c, d');
    expect(own(undefined, 'x')).toContain('PEAL_SERVICE_FLOOD_WHO_AM_I no site');
    expect(own(undefined, 'x', ['10.0.0.2', '10.0.0.3'])).toContain('of this host: c, d');
  });
});

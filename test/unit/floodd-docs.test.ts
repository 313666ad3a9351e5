// docs/floodd.md: the checklist names tests that are there, and the two examples say the same.
import { describe, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { buildTree } from '../../config/load.js';
import { planDaemon } from '../../core/kernel/plan.js';
import { resolvePlugin } from '../../core/kernel/resolve.js';
import { loadFlood } from '../../plugins/service/flood/config/load.js';
import type { GroupForm, SiteForm } from '../../plugins/service/flood/config/definitions.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const read = (path: string): string => readFileSync(`${ROOT}${path}`, 'utf8');

describe('the checklist', () => {
  const rows = [...read('docs/floodd.md').matchAll(/^\| (\d+) +\| .+? +\| (.+?) +\|$/gm)];
  test('has all fifty points', () => {
    expect(rows.map((r) => Number(r[1]))).toEqual(Array.from({ length: 50 }, (_, i) => i + 1));
  });
  test.each(rows.map((r) => [r[1]!, r[2]!]))('point %s is tested where it says', (point, files) => {
    const paths = [...files.matchAll(/`([^`]+)`/g)].map((m) => m[1]!);
    expect(paths.length).toBeGreaterThan(0);
    for (const path of paths) expect(read(path)).toMatch(new RegExp(`items? (\\d+(, | and | to ))*${point}\\b`));
  });
});

test('the examples in both languages are the same three sites', async () => {
  const file = `${ROOT}config/examples/floodd3.floodd`;
  const { tree, errors } = buildTree(read('config/examples/floodd3.ini'), { file: 'floodd3.ini', name: 'inferno' });
  const { plan, errors: more } = await planDaemon(tree, resolvePlugin);
  expect([...errors, ...more].map(String)).toEqual([]);
  const flood = plan!.parts.find((p) => p.section.title === 'service.flood')!;
  const inner = (kind: string): unknown[] =>
    flood.inner.filter((i) => i.section.kind === kind).map((i) => ({ ...i.options, name: i.section.name }));
  const ini = loadFlood({
    site: flood.options['site'] as string,
    sites: inner('site') as SiteForm[],
    groups: inner('group') as GroupForm[],
    local: { sitePurgePeriodMs: flood.options['sitePurgePeriodMs'] as number },
  });
  const own = loadFlood({ file, site: 'inferno' });
  const { exportCommand, ...local } = own.settings.local;
  expect(exportCommand).toBe('cat >> /tmp/floodd-$FLOODD_SITE.out');
  expect({ ...ini.settings }).toEqual({ ...own.settings, local });
});

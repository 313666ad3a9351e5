// The generated pages are what the tables say, every code is given once, and links between pages lead somewhere.
import { expect, test } from '@jest/globals';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { errorsPage, errorTables, optionsPage } from '../../tools/docs.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

test('docs/options.md is what npm run docs makes', async () => {
  expect(read('docs/options.md')).toBe(await optionsPage());
});

test('docs/errors.md is what npm run docs makes', async () => {
  expect(read('docs/errors.md')).toBe(await errorsPage());
});

test('every error code is given once, and its remedy says something', async () => {
  const all = (await errorTables()).flatMap(({ table }) => Object.values(table));
  expect(new Set(all.map((e) => e.code)).size).toBe(all.length);
  for (const e of all) expect(e.remedy.length).toBeGreaterThan(5);
});

test('links between pages lead to files that exist', () => {
  const pages = ['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md'];
  for (const dir of ['docs', 'docs/design'])
    pages.push(...readdirSync(join(ROOT, dir)).flatMap((f) => (f.endsWith('.md') ? [`${dir}/${f}`] : [])));
  const broken = pages.flatMap((page) =>
    [...read(page).matchAll(/\]\((?!https?:|#)([^)#]+)[^)]*\)/g)]
      .map((m) => m[1]!)
      .filter((target) => !existsSync(join(ROOT, dirname(page), target)))
      .map((target) => `${page}: ${target}`),
  );
  expect(broken).toEqual([]);
});

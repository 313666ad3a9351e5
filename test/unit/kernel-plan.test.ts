// Planning a daemon: finding plugins, chaining links, choosing requirements, order, and every error (core/kernel/plan.ts).
import { afterAll, describe, expect, test } from '@jest/globals';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  definePlugin,
  type InnerKind,
  type OptionTable,
  PealError,
  type Plugin,
  type PluginKind,
  type Requirement,
} from 'peal/plugin';
import { buildTree } from '../../config/load.js';
import { apiFits, checkDefinition } from '../../core/kernel/definition.js';
import { type Plan, planDaemon, type Planned } from '../../core/kernel/plan.js';
import { loadPlugin, resolvePlugin, type Resolver } from '../../core/kernel/resolve.js';
import { formatTree, plannedTree } from '../../core/kernel/tree.js';

const never = (): never => {
  throw new Error('a plan creates nothing');
};

/** A plugin of any kind that is only planned. */
function fake(
  kind: PluginKind,
  name: string,
  more: { options?: OptionTable; requires?: Requirement[]; seam?: 'link'; inner?: Record<string, InnerKind> },
): Plugin {
  const { options = {}, requires = [], seam, inner = {} } = more;
  const base = { name, api: '^1', doc: 'Planned only.', options, requires, inner, create: never };
  if (kind === 'link') return definePlugin({ ...base, kind, seam: seam ?? 'medium' } as never);
  return definePlugin({ ...base, kind });
}

const wraps: OptionTable = { wraps: { type: 'string', default: 'tcp', doc: 'Inside.' } };
const KNOWN = [
  fake('link', 'tcp', {}),
  fake('link', 'memory', {}),
  fake('link', 'ring', { seam: 'link' }),
  fake('link', 'faulty', { options: wraps }),
  fake('storage', 'memory', {}),
  fake('storage', 'disk', { options: { path: { type: 'path', required: true, doc: 'Where.' } } }),
  fake('export', 'memory', {}),
  fake('service', 'keeper', { requires: [{ kind: 'storage' }, { kind: 'export', optional: true }] }),
  fake('service', 'sites', {
    inner: { site: { doc: 'A site.', options: { host: { type: 'string', required: true, doc: 'H.' } } } },
  }),
  fake('service', 'exporter', { requires: [{ kind: 'export' }] }),
  fake('service', 'left', { requires: [{ kind: 'service' }] }),
  fake('client', 'binary', { options: { port: { type: 'port', default: 4803, doc: 'Port.' } } }),
  fake('client', 'spiller', { requires: [{ kind: 'storage', optional: true }] }),
];

const resolver: Resolver = async (section, folder) => {
  const plugin = KNOWN.find((p) => p.kind === section.kind && p.name === section.name);
  return plugin === undefined ? resolvePlugin(section, folder) : { plugin, source: 'test' };
};

const plan = (text: string): Promise<Planned> =>
  planDaemon(buildTree(text, { file: 'f.ini', name: 'a' }).tree, resolver);
const good = async (text: string): Promise<Plan> => {
  const { plan: made, errors } = await plan(text);
  expect(errors.map(String)).toEqual([]);
  return made!;
};
const codes = async (text: string): Promise<string[]> =>
  (await plan(text)).errors.map((e) => `${e.at?.line ?? 0} ${e.code.slice('PEAL_'.length)}`);
const titles = ({ parts }: Plan): string[] => parts.map((p) => p.section.title);
const PEERS = '[peer.a]\naddress=127.0.0.1\n[peer.b]\naddress=127.0.0.2\n';

describe('links', () => {
  test('alone and without a link section: memory', async () => {
    expect((await good('')).link.section.title).toBe('link.memory');
  });
  test('with peers a link is needed', async () => {
    expect(await codes(PEERS)).toEqual(['1 CONFIG_NO_LINK']);
  });
  test('two that want to carry the configuration', async () => {
    expect(await codes(`${PEERS}[link.tcp]\n[link.memory]\n`)).toEqual(['6 CONFIG_TWO_LINKS']);
  });
  test('a wrapper counts with what it wraps, with or without a section of that', async () => {
    const { link } = await good('[link.tcp]\n[link.faulty]\nwraps = tcp\n');
    expect([link.section.title, link.wraps?.section.title]).toEqual(['link.faulty', 'link.tcp']);
    const implied = await good('[link.faulty]\n');
    expect(implied.link.wraps?.section.title).toBe('link.tcp');
    const twice = await good('[link.faulty.outer]\nwraps = faulty.inner\n[link.faulty.inner]\nwraps = memory\n');
    expect(twice.link.wraps?.wraps?.section.title).toBe('link.memory');
  });
  test('what cannot be wrapped', async () => {
    expect(await codes('[link.ring]\nover = ring.b\n[link.ring.b]\n')).toEqual(['2 PLUGIN_WRAP', '3 CONFIG_TWO_LINKS']);
    expect(await codes('[link.ring]\nover = faulty\n[link.faulty]\nwraps = ring\n')).toEqual(['4 PLUGIN_WRAP']);
    expect(await codes('[link.faulty.x]\nwraps = faulty.y\n[link.faulty.y]\nwraps = faulty.x\n')).toEqual([
      '4 PLUGIN_WRAP',
    ]);
    expect(await codes('[link.faulty]\nwraps = nothing\n')).toEqual(['2 PLUGIN_NOT_FOUND']);
  });
  test('a link of its own runs over a medium, which may be wrapped', async () => {
    const { link } = await good('[link.ring]\nover = faulty\n[link.faulty]\nwraps = memory\n');
    expect([link.section.title, link.wraps?.section.title]).toEqual(['link.ring', 'link.faulty']);
    expect((await good('[link.ring]\n')).link.wraps?.section.title).toBe('link.tcp');
  });
  test('a wrapper that names a link of its own goes between that link and its medium', async () => {
    for (const text of [
      '[link.faulty]\nwraps = ring\n',
      '[link.ring]\n[link.faulty]\nwraps = ring\n',
      '[link.faulty]\nwraps = ring\n[link.ring]\n[link.tcp]\n',
    ]) {
      const { link } = await good(text);
      const chain = [link, link.wraps, link.wraps?.wraps].map((p) => p?.section.title);
      expect(chain).toEqual(['link.ring', 'link.faulty', 'link.tcp']);
    }
  });
});

describe('requirements and order', () => {
  test('storage, export, services, clients; within a kind as in the file', async () => {
    const text = '[client.binary]\n[service.keeper]\n[client.spiller]\n[export.memory]\n[storage.memory]\n';
    expect(titles(await good(text))).toEqual([
      'storage.memory',
      'export.memory',
      'service.keeper',
      'client.binary',
      'client.spiller',
    ]);
  });
  test('a required storage that is not configured is memory; an optional one is absent', async () => {
    expect(titles(await good('[service.keeper]\n'))).toEqual(['storage.memory', 'service.keeper']);
    expect(titles(await good('[client.spiller]\n'))).toEqual(['client.spiller']);
    expect(await codes('[service.exporter]\n')).toEqual(['1 PLUGIN_UNMET']);
  });
  test('several candidates need a choice', async () => {
    const two = '[storage.memory]\n[storage.disk]\npath=x\n';
    expect(await codes(`${two}[client.spiller]\n`)).toEqual(['4 PLUGIN_AMBIGUOUS']);
    const chosen = await good(`${two}[client.spiller]\nstorage = disk\n`);
    expect(chosen.parts.at(-1)?.needs.get('storage')?.section.title).toBe('storage.disk');
    expect(await codes(`${two}[client.spiller]\nstorage = tape\n`)).toEqual(['5 PLUGIN_NO_SUCH']);
  });
  test('services may need one another, but not in a circle', async () => {
    expect(titles(await good('[service.left]\n[service.keeper]\n'))).toEqual([
      'storage.memory',
      'service.keeper',
      'service.left',
    ]);
    const circle = '[service.left.x]\nservice = left.y\n[service.left.y]\nservice = left.x\n';
    expect(await codes(circle)).toEqual(['1 PLUGIN_CIRCLE']);
  });
  test('all errors of all sections at once', async () => {
    const text = '[client.binary]\nprot = 1\n[storage.disk]\n[client.binary.two]\nport = x\n[client.nothing]\n';
    expect(await codes(text)).toEqual([
      '2 OPTION_UNKNOWN',
      '3 OPTION_MISSING',
      '5 OPTION_MALFORMED',
      '6 PLUGIN_NOT_FOUND',
    ]);
  });
  test('the planned tree shows effective options and where they came from', async () => {
    const text = formatTree(plannedTree(await good('[client.binary]\nport = 5\n[service.keeper]\n')));
    expect(text).toBe(`[link.memory] planned (test)
[storage.memory] planned (test)
[service.keeper] planned (test, uses storage.memory)
[client.binary] planned (test)
  port = 5   ; f.ini:2`);
  });
});

describe('definitions', () => {
  test('API ranges', () => {
    expect(['^1', '^1.0', '^1.2', '^1.2.3'].every((range) => apiFits(range, '1.2'))).toBe(true);
    expect(['^1.3', '^2', '1.2', '*', ''].some((range) => apiFits(range, '1.2'))).toBe(false);
  });
  test.each([
    [{ name: 'Bad' }, 'its name'],
    [{ api: '^9' }, 'wants API'],
    [{ create: undefined }, 'create or class'],
    [{ options: { Bad: { type: 'int', doc: 'A.' } } }, 'snake_case'],
    [{ options: { a: { type: 'int', doc: 'no period' } } }, 'final period'],
    [{ options: { a: { type: 'duration', doc: 'A.' } } }, '_ms'],
    [{ options: { a: { type: 'number', doc: 'A.' } } }, 'type is none'],
    [{ options: { a: { type: 'int', default: 5, max: 4, doc: 'A.' } } }, 'default is not a legal value'],
  ])('%j is refused', (change, detail) => {
    const definition = { kind: 'client', name: 'x', api: '^1', doc: 'A.', options: {}, create: never, ...change };
    expect(() => checkDefinition(definition as never, 'client.x')).toThrow(detail);
  });
});

describe('where plugins come from', () => {
  const folder = mkdtempSync(join(tmpdir(), 'peal-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const fixture = (name: string): string => fileURLToPath(new URL(`../fixtures/plugins/${name}.js`, import.meta.url));
  const at = (text: string): Promise<Planned> =>
    planDaemon(buildTree(text, { file: join(folder, 'f.ini'), name: 'a' }).tree, resolvePlugin);

  test('module = PATH, relative to the file', async () => {
    const { plan: made, errors } = await at(`[link.mine]\nmodule = ${fixture('lone-medium')}\n`);
    expect(errors).toEqual([]);
    expect(made?.link.plugin.name).toBe('lone');
  });
  test('an npm package by its name', async () => {
    const home = join(folder, 'node_modules', 'peal-link-lone');
    mkdirSync(home, { recursive: true });
    writeFileSync(join(home, 'package.json'), '{ "type": "module", "exports": { ".": { "import": "./main.js" } } }');
    writeFileSync(join(home, 'main.js'), `export { default } from ${JSON.stringify(fixture('lone-medium'))};`);
    const { plan: made, errors } = await at('[link.lone]\n');
    expect(errors).toEqual([]);
    expect(made?.link.source).toBe('peal-link-lone');
  });
  test('modules that are no plugins of that kind', async () => {
    writeFileSync(join(folder, 'none.mjs'), 'export default { kind: "client" };');
    writeFileSync(join(folder, 'broken.mjs'), 'throw new Error("cannot");');
    const seen: string[] = [];
    for (const text of [
      '[client.x]\nmodule = none.mjs\n',
      '[client.x]\nmodule = broken.mjs\n',
      '[client.x]\nmodule = missing.mjs\n',
      `[client.x]\nmodule = ${fixture('lone-medium')}\n`,
    ])
      seen.push(...(await at(`[link.l]\nmodule=${fixture('lone-medium')}\n${text}`)).errors.map((e) => e.code));
    expect(seen).toEqual([
      'PEAL_PLUGIN_NOT_A_PLUGIN',
      'PEAL_PLUGIN_LOAD_FAILED',
      'PEAL_PLUGIN_LOAD_FAILED',
      'PEAL_PLUGIN_KIND',
    ]);
  });
  test('a module that never finishes loading is an error, not the silent end of the process', async () => {
    const file = join(folder, 'endless.mjs');
    writeFileSync(file, 'await new Promise(() => undefined);');
    await expect(loadPlugin(file, 'client.x', 50)).rejects.toMatchObject({ code: 'PEAL_PLUGIN_LOAD_FAILED' });
  });
  test('errors name file and line', async () => {
    const { errors } = await at(
      `[client.x]\nmodule = missing.mjs\n[client.y]\n[link.l]\nmodule = ${fixture('lone-medium')}\n`,
    );
    expect(errors.every((e) => e instanceof PealError && e.at?.file === join(folder, 'f.ini'))).toBe(true);
    expect(errors.map((e) => e.at?.line)).toEqual([2, 3]);
  });
});

describe('inner sections', () => {
  test('are read by the table of their kind, in any order, with any name', async () => {
    const { parts } = await good(
      '[service.sites/site.b c/d.e]\nhost = x\n[service.sites]\n[service.sites/site.a]\nhost = ${peer.name}',
    );
    const inner = parts[0]!.inner.map(({ section: { kind, name }, options }) => ({ kind, name, options }));
    expect(inner).toEqual([
      { kind: 'site', name: 'b c/d.e', options: { host: 'x' } },
      { kind: 'site', name: 'a', options: { host: 'a' } },
    ]);
    expect(formatTree(plannedTree(await good('[service.sites]\n[service.sites/site.a]\nhost = h')))).toContain(
      'site.a: host = h   ; f.ini:3',
    );
  });
  test('that cannot be are refused with their line', async () => {
    expect(await codes('[service.sites]\n[service.sites/sites.a]\n[service.sites/site.b]\ncolour = red')).toEqual([
      '2 PLUGIN_INNER',
      '4 OPTION_UNKNOWN',
      '3 OPTION_MISSING',
    ]);
    const { errors } = buildTree('[service.sites/site.a]', { file: 'f.ini', name: 'a' });
    expect(errors.map((e) => e.code)).toEqual(['PEAL_CONFIG_INNER_ALONE']);
  });
});

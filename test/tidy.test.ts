// House rules as tests (CONTRIBUTING.md): who may import whom, no import cycles, pure machines, sizes of files and
// functions, words that stand for unfinished work, and what every plugin folder has.
import { describe, expect, test } from '@jest/globals';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const FOLDERS = ['core', 'config', 'link-protocols', 'client-apis', 'plugins', 'tools', 'test', 'bench', 'examples'];
const FILE_LINES = 500;
const FUNCTION_LINES = 70;
const PLUGIN = /^(link-protocols\/[^/]+|client-apis\/[^/]+|plugins\/[^/]+\/[^/]+)\//;

interface Source {
  /** From the root, with slashes. */
  readonly path: string;
  readonly text: string;
  readonly ast: ts.SourceFile;
  /** Specifiers of imports and re-exports; those of types only apart, since they bind nothing at run time. */
  readonly imports: readonly { readonly to: string; readonly typeOnly: boolean }[];
}

function walk(folder: string): string[] {
  if (!existsSync(join(ROOT, folder))) return [];
  return readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((e) => {
    const path = `${folder}/${e.name}`;
    return e.isDirectory() ? walk(path) : e.name.endsWith('.ts') && !e.name.endsWith('.d.ts') ? [path] : [];
  });
}

function importsOf(ast: ts.SourceFile): Source['imports'] {
  return ast.statements.flatMap((s) => {
    if (!(ts.isImportDeclaration(s) || ts.isExportDeclaration(s)) || s.moduleSpecifier === undefined) return [];
    const to = (s.moduleSpecifier as ts.StringLiteral).text;
    const typeOnly = ts.isImportDeclaration(s)
      ? s.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword
      : s.isTypeOnly;
    return [{ to, typeOnly }];
  });
}

const sources: readonly Source[] = FOLDERS.flatMap(walk).map((path) => {
  const text = readFileSync(join(ROOT, path), 'utf8');
  const ast = ts.createSourceFile(path, text, ts.ScriptTarget.ES2023, true);
  return { path, text, ast, imports: importsOf(ast) };
});
const CLIENT = 'client-apis/binary/client/';
/** Libraries that programs of others load: each drags in no kernel, not even the SDK. */
const LINE_CLIENT = 'client-apis/line/client/';
const CLIENT_WIRE = 'client-apis/binary/wire.ts';
const isTest = (path: string): boolean => path.startsWith('test/') || path.includes('/test/');
const product = sources.filter((s) => !isTest(s.path));

/** Path of an imported file of ours, undefined for packages. */
function target(from: string, to: string): string | undefined {
  return to.startsWith('.') ? normalize(join(dirname(from), to)).replace(/\.js$/, '.ts') : undefined;
}

const isPure = (path: string): boolean =>
  path.startsWith('core/machine/') ||
  path.startsWith('core/wire/') ||
  path.startsWith('link-protocols/ring/') ||
  /\/(machine|wire)\//.test(path) ||
  /\/(machine|session|wire)\.ts$/.test(path);

/** Which files of ours a file may import; undefined: no rule. */
function allowed(path: string): ((to: string) => boolean) | undefined {
  const starts =
    (...prefixes: string[]) =>
    (to: string): boolean =>
      prefixes.some((p) => to.startsWith(p));
  if (path.startsWith('core/wire/')) return starts('core/wire/');
  if (path.startsWith('core/machine/')) return starts('core/wire/', 'core/machine/');
  if (path.startsWith('core/plugin/')) return starts('core/wire/', 'core/machine/', 'core/plugin/', 'core/errors');
  if (path.startsWith('core/runtime/'))
    return starts('core/wire/', 'core/machine/', 'core/plugin/', 'core/runtime/', 'core/errors');
  if (path.startsWith('core/kernel/'))
    return starts(
      'core/wire/',
      'core/machine/',
      'core/plugin/',
      'core/runtime/',
      'core/kernel/',
      'core/errors',
      'core/log',
    );
  if (path.startsWith('config/')) return starts('config/', 'core/plugin/', 'core/errors');
  // A client drags in no kernel, not even the SDK.
  if (path.startsWith(CLIENT)) return (to) => starts(CLIENT, 'core/wire/')(to) || to === CLIENT_WIRE;
  if (path.startsWith(LINE_CLIENT)) return starts(LINE_CLIENT);
  const plugin = PLUGIN.exec(path)?.[0];
  if (plugin !== undefined) return (to) => to.startsWith(plugin) || (isPure(path) && to.startsWith('core/wire/'));
  return undefined;
}

describe('imports', () => {
  test('go downward only', () => {
    const offenders = product.flatMap((s) => {
      const may = allowed(s.path);
      if (may === undefined) return [];
      return s.imports.flatMap(({ to }) => {
        const file = target(s.path, to);
        return file === undefined || may(file) ? [] : [`${s.path} imports ${file}`];
      });
    });
    expect(offenders).toEqual([]);
  });

  test('have no cycles at run time', () => {
    const graph = new Map(
      product.map((s) => [
        s.path,
        s.imports.flatMap(({ to, typeOnly }) => (typeOnly ? [] : [target(s.path, to)])).filter((t) => t !== undefined),
      ]),
    );
    const state = new Map<string, 'open' | 'done'>();
    const cycles: string[] = [];
    const visit = (path: string, way: readonly string[]): void => {
      if (state.get(path) === 'done') return;
      if (state.get(path) === 'open') {
        cycles.push([...way.slice(way.indexOf(path)), path].join(' -> '));
        return;
      }
      state.set(path, 'open');
      for (const next of graph.get(path) ?? []) visit(next, [...way, path]);
      state.set(path, 'done');
    };
    for (const path of graph.keys()) visit(path, []);
    expect(cycles).toEqual([]);
  });

  test('of pure files name nothing of the outside', () => {
    const offenders = product
      .filter((s) => isPure(s.path))
      .flatMap((s) => s.imports.filter(({ to }) => !to.startsWith('.')).map(({ to }) => `${s.path} imports ${to}`))
      .filter((line) => !line.endsWith('imports peal/plugin'));
    expect(offenders).toEqual([]);
  });
});

test('pure files use no clock, timer, randomness, process or log', () => {
  const outside =
    /\b(Date|setTimeout|setInterval|setImmediate|queueMicrotask|performance|process|console)\b\s*[.(]|\bMath\.random\b|\bBuffer\./;
  const offenders = product
    .filter((s) => isPure(s.path))
    .flatMap((s) =>
      s.text.split('\n').flatMap((line, i) => {
        const code = line.replace(/\/\/.*$/, '').replace(/^\s*\*.*$/, '');
        return outside.test(code) ? [`${s.path}:${i + 1}: ${line.trim()}`] : [];
      }),
    );
  expect(offenders).toEqual([]);
});

describe('sizes', () => {
  test(`files of more than ${FILE_LINES} lines say why at the top`, () => {
    const offenders = product.filter(
      (s) => s.text.split('\n').length > FILE_LINES && !/[Ll]onger than/.test(s.text.slice(0, 800)),
    );
    expect(offenders.map((s) => `${s.path}: ${s.text.split('\n').length} lines`)).toEqual([]);
  });

  test(`functions fit a screen of ${FUNCTION_LINES} lines`, () => {
    const offenders: string[] = [];
    for (const s of product) {
      const visit = (node: ts.Node): void => {
        if (ts.isFunctionLike(node) && 'body' in node && node.body !== undefined) {
          const at = (pos: number): number => s.ast.getLineAndCharacterOfPosition(pos).line;
          const lines = at(node.getEnd()) - at(node.getStart()) + 1;
          if (lines > FUNCTION_LINES) offenders.push(`${s.path}:${at(node.getStart()) + 1}: ${lines} lines`);
        }
        ts.forEachChild(node, visit);
      };
      visit(s.ast);
    }
    expect(offenders).toEqual([]);
  });
});

describe('words', () => {
  test('nothing stands for unfinished work', () => {
    const unfinished = new RegExp(
      [
        'TO' + 'DO',
        'FIX' + 'ME',
        'X' + 'XX',
        'HA' + 'CK',
        'for ' + 'now\\b',
        'eslint-' + 'disable',
        '@ts-' + 'ignore',
      ].join('|'),
    );
    const offenders = sources.flatMap((s) =>
      s.text.split('\n').flatMap((line, i) => (unfinished.test(line) ? [`${s.path}:${i + 1}: ${line.trim()}`] : [])),
    );
    expect(offenders).toEqual([]);
  });

  test('no file is named after nothing in particular', () => {
    expect(sources.map((s) => s.path).filter((p) => /(^|\/)(utils?|helpers?|misc|common)(\.ts|\/)/.test(p))).toEqual(
      [],
    );
  });

  test('every file opens with what it is', () => {
    expect(sources.filter((s) => !/^(#!.*\n)?(\/\/|\/\*)/.test(s.text)).map((s) => s.path)).toEqual([]);
  });
});

describe('every built-in plugin', () => {
  // As the kernel has it: a folder is a plugin when it has an index.
  const folders = product.filter((s) => s.path.endsWith('/index.ts') && dirname(s.path) === PLUGIN.exec(s.path)?.[1]);

  test('there are some', () => {
    expect(folders.length).toBeGreaterThan(4);
  });

  test.each(folders.map((s) => dirname(s.path)))('%s has a README and passes the suite of its kind', (folder) => {
    expect(existsSync(join(ROOT, folder, 'README.md'))).toBe(true);
    const tests = sources.filter((s) => s.path.startsWith(`${folder}/test/`) && s.path.endsWith('.test.ts'));
    expect(tests.some((s) => /Compliance\(/.test(s.text))).toBe(true);
  });
});

// The reader of INI files: positions, values, and every error of a file at once (config/ini.ts, config/load.ts).
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { scanIni } from '../../config/ini.js';
import { buildTree, loadConfig } from '../../config/load.js';
import { hashOfList, isDaemonName, nameOfHost } from '../../config/peers.js';

const scan = (text: string): { values: Record<string, Record<string, string>>; errors: string[] } => {
  const { sections, errors } = scanIni(text, 'f.ini');
  const values = sections.map((s) => [s.title, Object.fromEntries([...s.entries].map(([k, e]) => [k, e.value]))]);
  return { values: Object.fromEntries(values) as Record<string, Record<string, string>>, errors: errors.map(String) };
};

describe('scanning', () => {
  test('sections, values, comments, quotes', () => {
    const { values, errors } = scan(
      '\ufeff; top\r\n[daemon] ; all\r\nlog_level = debug ; loud\r\n# note\r\n[export.command]\n  command = "a; b # c"\nx=1=2\n' +
        'yes = true\nno = null\nempty = \'\'\nfolder = "a; b" ; note\nname = \'x\' # note\nline = "a b" -c\n',
    );
    expect(errors).toEqual([]);
    expect(values).toEqual({
      daemon: { log_level: 'debug' },
      'export.command': {
        command: 'a; b # c',
        x: '1=2',
        yes: 'true',
        no: 'null',
        empty: '',
        folder: 'a; b',
        name: 'x',
        line: '"a b" -c',
      },
    });
  });
  test.each([`a = "b`, `a = 'b`, `a = "`, `a = "b ; c`])('a quote that does not end is no value: %s', (line) => {
    const { values, errors } = scan(`[link.tcp]\n${line}`);
    expect(values).toEqual({ 'link.tcp': {} });
    expect(errors).toEqual([expect.stringMatching(/^f\.ini:2: PEAL_CONFIG_UNENDED_QUOTE /)]);
  });
  test('every error, with its line', () => {
    const { errors } = scan(
      [
        'a = 1',
        '[link.tcp]',
        'bare',
        'b =',
        'Bad = 1',
        'c[] = 1',
        'c = 1',
        'c = 2',
        '[unclosed',
        '[link.tcp]',
        'd = 1',
      ].join('\n'),
    );
    expect(errors.map((e) => e.replace(/^f\.ini:(\d+): (\S+) .*$/, '$1 $2'))).toEqual([
      '1 PEAL_CONFIG_NO_SECTION',
      '3 PEAL_CONFIG_EMPTY_VALUE',
      '4 PEAL_CONFIG_EMPTY_VALUE',
      '5 PEAL_CONFIG_BAD_KEY',
      '6 PEAL_CONFIG_BAD_KEY',
      '8 PEAL_CONFIG_DUPLICATE_KEY',
      '9 PEAL_CONFIG_NOT_A_LINE',
      '10 PEAL_CONFIG_DUPLICATE_SECTION',
    ]);
  });
  test('no text makes it throw, and prototypes are safe', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        scan(text);
        scan(`[a.b]\n${text}`);
      }),
    );
    const { values } = scan('[__proto__]\nconstructor = 1\n[toString]\nv = 2');
    expect(Object.keys(values)).toContain('toString');
    expect(({} as Record<string, unknown>)['constructor']).toBe(Object);
  });
});

const PEERS = `[peer.alpha]
address = 127.0.0.1
link_port = 4800
client_port = 4803
[peer.beta]
address = 10.9.9.9
link_port = 4800
client_port = 4813
`;
const load = (text: string, name?: string, local: readonly string[] = ['127.0.0.1']) =>
  buildTree(text, { file: 'f.ini', name, isLocal: (host) => local.includes(host) });

describe('the tree', () => {
  test('the list keeps the order of the file, and one is oneself', () => {
    const { tree, errors } = load(`${PEERS}[client.binary]\nport = \${peer.client_port}\n`, 'beta');
    expect(errors).toEqual([]);
    expect(tree.list.map((d) => [d.place, d.name, d.host, d.port])).toEqual([
      [0, 'alpha', '127.0.0.1', 4800],
      [1, 'beta', '10.9.9.9', 4800],
    ]);
    expect(tree.self).toBe(1);
    expect(tree.sections[0]?.entries.get('port')?.value).toBe('4813');
  });
  test('without -n the one local address decides', () => {
    expect(load(PEERS).tree.self).toBe(0);
    expect(load(PEERS, undefined, ['10.9.9.9']).tree.self).toBe(1);
    expect(load(PEERS, undefined, []).errors.map((e) => e.code)).toEqual(['PEAL_CONFIG_WHO_AM_I']);
    const both = load(PEERS, undefined, ['127.0.0.1', '10.9.9.9']).errors;
    expect(both.map((e) => e.code)).toEqual(['PEAL_CONFIG_WHO_AM_I_MANY']);
    expect(load(PEERS, 'gamma').errors.map((e) => e.code)).toEqual(['PEAL_CONFIG_NO_SUCH_PEER']);
  });
  test('the hash follows order, names, addresses and link ports, and nothing else', () => {
    const hash = (text: string): number => load(text, 'alpha').tree.listHash;
    const swapped = PEERS.replace('alpha', 'x').replace('beta', 'alpha').replace('x', 'beta');
    expect(hash(PEERS)).toBe(hash(PEERS.replace('4813', '4999')));
    for (const other of [swapped, PEERS.replace('4800', '4801'), PEERS.replace('10.9.9.9', '10.9.9.8')])
      expect(hash(other)).not.toBe(hash(PEERS));
    expect(hashOfList([])).toBe(0x811c9dc5);
  });
  test('an address has one spelling in the hash', () => {
    const of = (address: string): number => load(`[peer.a]\naddress = ${address}\n`, 'a').tree.listHash;
    expect(of('2001:db8::1')).toBe(of('2001:0DB8:0:0:0:0:0:1'));
  });
  test('bad peers, sections and variables are all reported', () => {
    const text = `[peer.name-that-is-too-long]
address = 127.0.0.1
[peer.b]
address = host.example
[peer.c]
address = 127.0.0.1
link_port = 70000
[peer.d]
addres = 127.0.0.1
[peer.e]
address = 127.0.0.1
[clent.binary]
[client]
[client.x]
port = \${peer.prot}
[daemon]
log_levle = info
silence_limit_ms = 5
`;
    const lines = load(text, 'b').errors.map((e) => `${e.at?.line ?? 0} ${e.code.slice('PEAL_'.length)}`);
    expect(lines).toEqual([
      '12 CONFIG_BAD_SECTION',
      '13 CONFIG_BAD_SECTION',
      '1 CONFIG_PEER_NAME',
      '4 OPTION_MALFORMED',
      '7 OPTION_RANGE',
      '9 OPTION_UNKNOWN',
      '8 OPTION_MISSING',
      '10 CONFIG_PEER_TWICE',
      '1 CONFIG_NO_SUCH_PEER',
      '17 OPTION_UNKNOWN',
      '18 OPTION_RANGE',
      '15 CONFIG_UNKNOWN_VARIABLE',
    ]);
    const shown = load(text, 'b').errors.map(String).join('\n');
    expect(shown).toContain(
      "f.ini:17: PEAL_OPTION_UNKNOWN unknown option 'log_levle' in [daemon]; did you mean 'log_level'?",
    );
    expect(shown).toContain('did you mean [client.binary]?');
  });
  test('without peers it is a single daemon', () => {
    const { tree, errors } = load('[client.binary]\n', 'solo');
    expect(errors).toEqual([]);
    expect(tree.list).toEqual([{ name: 'solo', host: '127.0.0.1', port: 0, place: 0 }]);
    expect(load('', 'bad name').errors.map((e) => e.code)).toEqual(['PEAL_CONFIG_PEER_NAME']);
  });
  test('names of daemons', () => {
    expect(['a', '$~', 'x'.repeat(19)].every(isDaemonName)).toBe(true);
    expect(['', 'a#b', 'a b', 'ä', 'x'.repeat(20)].some(isDaemonName)).toBe(false);
    expect(nameOfHost('web-1.example.org')).toBe('web-1');
    expect(nameOfHost('#')).toBe('peal');
    expect(nameOfHost('a-very-long-host-name-indeed')).toBe('a-very-long-host-na');
  });
});

describe('files', () => {
  test('paths are relative to the file, and a missing file is a coded error', () => {
    const folder = mkdtempSync(join(tmpdir(), 'peal-'));
    try {
      const file = join(folder, 'a.ini');
      writeFileSync(file, '[daemon]\nstate_dir = ./x\n');
      expect(loadConfig({ file, name: 'a' }).tree.settings.stateDir).toBe(join(folder, 'x'));
      const missing = loadConfig({ file: join(folder, 'b.ini'), name: 'a' });
      expect(missing.errors.map((e) => e.code)).toEqual(['PEAL_CONFIG_NO_FILE']);
      writeFileSync(file, ';'.repeat(1_048_577));
      expect(loadConfig({ file, name: 'a' }).errors.map((e) => e.code)).toEqual(['PEAL_CONFIG_TOO_LARGE']);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

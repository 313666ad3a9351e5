// A configuration file, or none, to the neutral tree (core/plugin/tree.ts): sections sorted into [daemon], peers and
// plugins, variables filled in, who I am decided. All errors of a file are found in one go.
import { readFileSync, statSync } from 'node:fs';
import { hostname, networkInterfaces } from 'node:os';
import { dirname, resolve } from 'node:path';
import { CONFIG_ERRORS, PealError, reasonOf } from '../core/errors.js';
import { PLUGIN_KINDS, type PluginKind } from '../core/plugin/define.js';
import { type EffectiveOption, nearestName, type OptionEntry, readOptions } from '../core/plugin/options.js';
import type { ConfigTree, DaemonSettings, InnerSection, PluginSection } from '../core/plugin/tree.js';
import { MAX_FILE_BYTES, type RawSection, scanIni } from './ini.js';
import { DAEMON_OPTIONS } from './options.js';
import { hashOfList, isDaemonName, nameOfHost, type Peer, placeOfSelf, readPeers, singlePeer } from './peers.js';

/** What `peal` runs without a file; config/examples/default.ini says the same at length. */
const DEFAULT_INI = '[link.memory]\n[client.binary]\n';

export interface LoadRequest {
  /** Absent: the defaults of a single daemon. */
  readonly file?: string | undefined;
  /** -n: own name. */
  readonly name?: string | undefined;
  /** False: checking a file needs no identity. Default true. */
  readonly identity?: boolean;
  /** Stands in for the machine's own addresses in tests. */
  readonly isLocal?: (host: string) => boolean;
}

export interface Loaded {
  /** Complete also when there are errors, so that plugin sections can be checked too; then it must not be run. */
  readonly tree: ConfigTree;
  readonly errors: readonly PealError[];
}

/** Reads and checks a file. Never throws for what is in it. */
export function loadConfig(request: LoadRequest): Loaded {
  if (request.file === undefined) return buildTree(DEFAULT_INI, request);
  try {
    const { size } = statSync(request.file);
    if (size > MAX_FILE_BYTES) {
      const values = { bytes: size, limit: MAX_FILE_BYTES };
      const at = { file: request.file, line: 1 };
      return withError(request, PealError.of(CONFIG_ERRORS.TOO_LARGE, values, { at }));
    }
    return buildTree(readFileSync(request.file, 'utf8'), request);
  } catch (cause) {
    const values = { file: request.file, detail: reasonOf(cause) };
    return withError(request, PealError.of(CONFIG_ERRORS.NO_FILE, values, { cause }));
  }
}

function withError(request: LoadRequest, error: PealError): Loaded {
  const { tree } = buildTree('', { ...request, file: undefined });
  return { tree, errors: [error] };
}

/** The tree of a text; `request.file` names it in errors and gives the folder of its relative paths. */
export function buildTree(text: string, request: LoadRequest): Loaded {
  const file = request.file ?? '(defaults)';
  const folder = request.file === undefined ? process.cwd() : dirname(resolve(request.file));
  const scanned = scanIni(text, file);
  const errors = [...scanned.errors];
  const sorted = sortSections(scanned.sections, errors);
  const peers = readPeers(sorted.peers, errors);
  let self = 0;
  if (sorted.peers.length === 0) peers.push(ownPeer(request.name, errors));
  else if (peers.length > 0) {
    const isLocal = request.isLocal ?? isLocalAddress;
    self = placeOfSelf(peers, { name: request.name, isLocal, needed: request.identity ?? true, file }, errors);
  } else peers.push(singlePeer(request.name ?? 'peal'));
  const variables = variablesOf(peers[self]!);
  const filled = (entries: ReadonlyMap<string, OptionEntry>): Map<string, OptionEntry> =>
    fillVariables(entries, variables, errors);
  const daemon = readDaemon(sorted.daemon, filled, folder, errors);
  const sections = sorted.plugins.map((s) => ({
    ...s,
    entries: filled(s.entries),
    inner: s.inner.map((i) => ({ ...i, entries: filled(i.entries) })),
  }));
  const list = peers.map(({ name, host, port, place }) => ({ name, host, port, place }));
  const tree = { file: request.file, folder, list, self, listHash: hashOfList(list), sections, ...daemon };
  return { tree, errors };
}

interface Sorted {
  daemon: RawSection | undefined;
  readonly peers: RawSection[];
  readonly plugins: (PluginSection & { readonly inner: InnerSection[] })[];
}

/** `KIND.NAME/INNER.NAME`: an inner section of a plugin's. */
const INNER_TITLE = /^([^/]+)\/([a-z][a-z0-9]*)\.(.+)$/;
const PLUGIN_TITLE = /^([a-z]+)\.([a-z0-9][a-z0-9-]*)(?:\.([a-z0-9][a-z0-9_-]*))?$/;

function sortSections(sections: readonly RawSection[], errors: PealError[]): Sorted {
  const sorted: Sorted = { daemon: undefined, peers: [], plugins: [] };
  for (const section of sections) {
    const match = PLUGIN_TITLE.exec(section.title);
    if (INNER_TITLE.test(section.title)) continue;
    if (section.title === 'daemon') sorted.daemon = section;
    else if (section.title.startsWith('peer.')) sorted.peers.push(section);
    else if (match !== null && isKind(match[1]!))
      sorted.plugins.push({ ...section, kind: match[1], name: match[2]!, instance: match[3], inner: [] });
    else errors.push(badSection(section));
  }
  for (const section of sections) sortInner(section, sorted, errors);
  return sorted;
}

/** To the section it belongs to, which may stand behind it. */
function sortInner(section: RawSection, { plugins }: Sorted, errors: PealError[]): void {
  const match = INNER_TITLE.exec(section.title);
  if (match === null) return;
  const owner = plugins.find((p) => p.title === match[1]);
  if (owner !== undefined) owner.inner.push({ ...section, kind: match[2]!, name: match[3]! });
  else {
    const values = { section: section.title, owner: match[1]! };
    errors.push(PealError.of(CONFIG_ERRORS.INNER_ALONE, values, { at: section.at }));
  }
}

function isKind(word: string): word is PluginKind {
  return (PLUGIN_KINDS as readonly string[]).includes(word);
}

function badSection(section: RawSection): PealError {
  const [first = '', ...rest] = section.title.split('.');
  const near = nearestName(first, ['daemon', 'peer', ...PLUGIN_KINDS]);
  const meant = near === undefined || near === first ? '' : ` (did you mean [${[near, ...rest].join('.')}]?)`;
  const error = PealError.of(CONFIG_ERRORS.BAD_SECTION, { section: section.title, meant }, { at: section.at });
  return error;
}

function ownPeer(name: string | undefined, errors: PealError[]): Peer {
  if (name !== undefined && !isDaemonName(name)) errors.push(PealError.of(CONFIG_ERRORS.PEER_NAME, { name }));
  return singlePeer(name ?? nameOfHost(hostname()));
}

/** `${peer.client_port}` and the others: facts about this daemon's own line of the list. */
function variablesOf(own: Peer): ReadonlyMap<string, string> {
  return new Map([
    ['peer.name', own.name],
    ['peer.address', own.host],
    ['peer.link_port', String(own.port)],
    ['peer.client_port', String(own.clientPort)],
  ]);
}

function fillVariables(
  entries: ReadonlyMap<string, OptionEntry>,
  variables: ReadonlyMap<string, string>,
  errors: PealError[],
): Map<string, OptionEntry> {
  const filled = new Map<string, OptionEntry>();
  for (const [key, entry] of entries) {
    const value = entry.value.replace(/\$\{([^}]*)\}/g, (whole, name: string) => {
      const known = variables.get(name.trim());
      if (known !== undefined) return known;
      const values = { name, known: [...variables.keys()].join(', ') };
      errors.push(PealError.of(CONFIG_ERRORS.UNKNOWN_VARIABLE, values, { at: entry.at }));
      return whole;
    });
    filled.set(key, { value, at: entry.at });
  }
  return filled;
}

function readDaemon(
  section: RawSection | undefined,
  filled: (entries: ReadonlyMap<string, OptionEntry>) => Map<string, OptionEntry>,
  folder: string,
  errors: PealError[],
): { settings: DaemonSettings; effective: readonly EffectiveOption[] } {
  const entries = filled(section?.entries ?? new Map());
  const resolvePath = (path: string): string => resolve(folder, path);
  const read = readOptions(DAEMON_OPTIONS, entries, { section: 'daemon', at: section?.at, resolvePath });
  errors.push(...read.errors);
  return { settings: read.options, effective: read.effective };
}

/** Is that an address of this machine? All of 127.0.0.0/8 is. */
function isLocalAddress(host: string): boolean {
  if (host.startsWith('127.')) return true;
  return Object.values(networkInterfaces()).some((of) => of?.some((a) => a.address === host));
}

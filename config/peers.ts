// The canonical daemon list and the question who I am: from [peer.NAME] sections to addresses, the list's hash, and one's
// own place (docs/options.md). Daemons whose hashes differ do not talk, so that mixed configurations never meet.
import { isIP, SocketAddress } from 'node:net';
import { CONFIG_ERRORS, OPTION_ERRORS, PealError } from '../core/errors.js';
import { readOptions } from '../core/plugin/options.js';
import type { Address } from '../core/plugin/medium.js';
import type { RawSection } from './ini.js';
import { DEFAULT_CLIENT_PORT, MAX_PEERS, PEER_OPTIONS } from './options.js';

export interface Peer extends Address {
  readonly clientPort: number;
}

/** Longest name of a daemon, in bytes. */
const MAX_NAME_BYTES = 19;

/** 1 to 19 bytes, each 0x24 to 0x7e; '#' (0x23) is outside of that. */
export function isDaemonName(name: string): boolean {
  return name.length <= MAX_NAME_BYTES && /^[$-~]+$/.test(name);
}

/** A legal name made of a host's name: its first label, what is not legal left out. */
export function nameOfHost(hostname: string): string {
  const label = hostname.split('.')[0] ?? '';
  const legal = label.replace(/[^$-~]/g, '');
  return legal === '' ? 'peal' : legal.slice(0, MAX_NAME_BYTES);
}

/** Reads all [peer.NAME] sections, in order. Errors are added; a peer that cannot be read is left out. */
export function readPeers(sections: readonly RawSection[], errors: PealError[]): Peer[] {
  const peers: Peer[] = [];
  if (sections.length > MAX_PEERS) {
    const values = { count: sections.length, limit: MAX_PEERS };
    errors.push(PealError.of(CONFIG_ERRORS.PEER_LIMIT, values, { at: sections[MAX_PEERS]!.at }));
    return peers;
  }
  for (const section of sections) {
    const name = section.title.slice('peer.'.length);
    if (!isDaemonName(name)) errors.push(PealError.of(CONFIG_ERRORS.PEER_NAME, { name }, { at: section.at }));
    const read = readOptions(PEER_OPTIONS, section.entries, { section: section.title, at: section.at });
    errors.push(...read.errors);
    if (read.errors.length > 0) continue;
    const host = canonicalHost(read.options.address);
    if (host === undefined) {
      const values = { value: read.options.address, option: 'address', section: section.title };
      const at = section.entries.get('address')?.at;
      errors.push(PealError.of(OPTION_ERRORS.MALFORMED, { ...values, expected: 'an IPv4 or IPv6 address' }, { at }));
      continue;
    }
    const peer = { name, host, port: read.options.linkPort, place: peers.length, clientPort: read.options.clientPort };
    const same = peers.find((p) => p.host === peer.host && p.port === peer.port);
    if (same !== undefined) {
      const values = { first: same.name, second: name, address: host, port: peer.port };
      errors.push(PealError.of(CONFIG_ERRORS.PEER_TWICE, values, { at: section.at }));
      continue;
    }
    peers.push(peer);
  }
  return peers;
}

/** One spelling per address, so that the hash does not depend on how a file writes it. */
function canonicalHost(text: string): string | undefined {
  const family = isIP(text);
  if (family === 0 || text.includes('%')) return undefined;
  return new SocketAddress({ address: text, family: family === 4 ? 'ipv4' : 'ipv6' }).address;
}

/** The one daemon of a file without peers, or of no file at all. */
export function singlePeer(name: string): Peer {
  return { name, host: '127.0.0.1', port: 0, place: 0, clientPort: DEFAULT_CLIENT_PORT };
}

const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/** FNV-1a, 32 bits, over `name NUL host NUL port LF` of each daemon in order. Names and addresses are ASCII. */
export function hashOfList(list: readonly Address[]): number {
  let hash = FNV_OFFSET;
  for (const daemon of list) {
    const line = `${daemon.name}\0${daemon.host}\0${daemon.port}\n`;
    for (let i = 0; i < line.length; i++) hash = Math.imul(hash ^ line.charCodeAt(i), FNV_PRIME) >>> 0;
  }
  return hash;
}

export interface WhoAmI {
  /** -n, if given. */
  readonly name: string | undefined;
  readonly isLocal: (host: string) => boolean;
  /** With false an unclear identity is no error: the first peer stands for all (checking a file). */
  readonly needed: boolean;
  readonly file: string;
}

/** Own place in the list: by -n, else the one peer whose address is local. */
export function placeOfSelf(peers: readonly Peer[], who: WhoAmI, errors: PealError[]): number {
  const known = peers.map((p) => p.name).join(', ');
  const at = { file: who.file, line: 1 };
  if (who.name !== undefined) {
    const place = peers.findIndex((p) => p.name === who.name);
    if (place < 0) errors.push(PealError.of(CONFIG_ERRORS.NO_SUCH_PEER, { name: who.name, known }, { at }));
    return Math.max(place, 0);
  }
  const local = peers.filter((p) => who.isLocal(p.host));
  if (local.length === 1) return local[0]!.place;
  if (!who.needed) return 0;
  const found = local.map((p) => p.name).join(', ');
  errors.push(
    local.length === 0
      ? PealError.of(CONFIG_ERRORS.WHO_AM_I, { known }, { at })
      : PealError.of(CONFIG_ERRORS.WHO_AM_I_MANY, { found }, { at }),
  );
  return 0;
}

// The peer's access files: spread.access_ip (rules of method IP) and spread.access_pword (method PWORD). Read anew at
// every check, so that an edit counts at once; a file that cannot be read lets nobody in.
//
//   access_ip:    a.b.c.d/len | a.b.c.d | IPv6 address | unix | local        # comment
//   access_pword: user:entry                                                 # comment     (entry: passwords.ts)
import { open } from 'node:fs/promises';
import { BlockList, isIPv4, isIPv6 } from 'node:net';

/** Larger access files are refused, bytes. */
const FILE_LIMIT_BYTES = 1024 * 1024;

/** Where the peer looks for a file of that name. */
export function usualPlaces(name: string): readonly string[] {
  return [name, `/etc/${name}`];
}

/** The first of the files that exists; undefined when there is none. Rejects when one exists and cannot be read. */
export async function readFirst(paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) {
    try {
      return await readBounded(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  return undefined;
}

async function readBounded(path: string): Promise<string> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    if (size > FILE_LIMIT_BYTES) throw new Error(`${path} has ${size} bytes, the limit is ${FILE_LIMIT_BYTES}`);
    return await file.readFile('latin1');
  } finally {
    await file.close();
  }
}

function* lines(text: string): Generator<string> {
  for (const raw of text.split('\n')) {
    const line = raw.replace(/#.*/, '').trim();
    if (line !== '') yield line;
  }
}

/** Whom a client is: its IP address, or a client of the Unix socket. */
export type ClientAddress = { readonly ip: string } | 'unix';

function ipv4Number(address: string): number {
  return address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
}

/** One IPv4 rule: the address masked with the length must equal the rule's, so a rule with host bits matches nobody. */
function matchesIpv4(rule: string, client: number): boolean | undefined {
  const [address = '', length = '32', ...rest] = rule.split('/');
  if (!isIPv4(address) || !/^\d{1,2}$/.test(length) || Number(length) > 32 || rest.length > 0) return undefined;
  const hostSpan = 2 ** (32 - Number(length));
  return client - (client % hostSpan) === ipv4Number(address);
}

/**
 * Does a rule of that text let the client in? Lines that are no rule are given to `strange` and let nobody in. IPv6
 * addresses are ours: the peer has IPv4 only.
 */
export function allowsAddress(text: string, client: ClientAddress, strange: (line: string) => void): boolean {
  const mapped = client === 'unix' ? '' : client.ip.replace(/^::ffff:(?=\d+\.)/i, '');
  const ipv4 = isIPv4(mapped) ? ipv4Number(mapped) : undefined;
  let allowed = false;
  for (const line of lines(text)) {
    if (line.startsWith('unix')) allowed ||= client === 'unix';
    else if (line.startsWith('local')) allowed ||= ipv4 !== undefined ? ipv4 >>> 24 === 127 : mapped === '::1';
    else if (line.includes(':')) allowed ||= sameIpv6(line, mapped, strange);
    else {
      const matches = matchesIpv4(line, ipv4 ?? -1);
      if (matches === undefined) strange(line);
      else allowed ||= matches && ipv4 !== undefined;
    }
  }
  return allowed;
}

function sameIpv6(line: string, client: string, strange: (line: string) => void): boolean {
  const [address = '', length = '128'] = line.split('/');
  if (!isIPv6(address) || !/^\d{1,3}$/.test(length) || Number(length) > 128) {
    strange(line);
    return false;
  }
  if (!isIPv6(client)) return false;
  const rule = new BlockList();
  rule.addSubnet(address, Number(length), 'ipv6');
  return rule.check(client, 'ipv6');
}

/** The entry of that user in the text of an access_pword file. */
export function passwordEntry(text: string, user: string): string | undefined {
  if (user === '') return undefined;
  for (const line of lines(text)) {
    const colon = line.indexOf(':');
    if (colon > 0 && line.slice(0, colon) === user) return line.slice(colon + 1).trim();
  }
  return undefined;
}

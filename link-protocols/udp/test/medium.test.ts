// The udp medium on real sockets: sizes, refusals, strays, groups that reach nobody, bad options.
import { afterEach, expect, jest, test } from '@jest/globals';
import { createSocket } from 'node:dgram';
import type { Address } from 'peal/plugin';
import { MediumHost } from '../../../test/compliance/medium-host.js';
import { Arrivals } from '../arrivals.js';
import { UdpMedium, type UdpOptions } from '../medium.js';
import { MAX_DATAGRAM_BYTES, readNote, readTrailer, TRAILER_BYTES, writeNote, writeTrailer } from '../wire.js';
import { freeAddresses, freeGroup, HOST, timers, udpOptions } from './world.js';

const LIST_HASH = 7;
const hosts: MediumHost[] = [];

afterEach(async () => {
  await Promise.all(hosts.splice(0).map((h) => h.close()));
});

async function host(list: readonly Address[], place: number, options: Partial<UdpOptions> = {}): Promise<MediumHost> {
  const medium = new UdpMedium({ ...udpOptions(), ...options }, list, timers);
  const h = new MediumHost(medium, { address: list[place]!, incarnation: BigInt(place + 1), listHash: LIST_HASH });
  hosts.push(h);
  await h.open();
  h.peers(list);
  return h;
}

/** Two that have heard each other. */
async function pair(options: Partial<UdpOptions> = {}): Promise<[MediumHost, MediumHost, readonly Address[]]> {
  const list = await freeAddresses(2);
  const [x, y] = [await host(list, 0, options), await host(list, 1, options)];
  await Promise.all([x.until(() => x.connected.size === 1, 'y'), y.until(() => y.connected.size === 1, 'x')]);
  return [x, y, list];
}

/** For what no call of `up` announces. Rejects after 10 s. */
async function becomes(holds: () => boolean): Promise<void> {
  for (const from = performance.now(); !holds();) {
    if (performance.now() - from > 10_000) throw new Error('it never did');
    await new Promise(setImmediate);
  }
}

const fit = (h: MediumHost): number => h.medium.fitBytes!;

test('on loopback the largest datagrams are found to get through', async () => {
  const [x] = await pair();
  await becomes(() => fit(x) === MAX_DATAGRAM_BYTES - TRAILER_BYTES);
  expect(x.medium.maxBytes).toBe(fit(x));
});

test('a fixed size is the largest and what fits', async () => {
  const [x, y] = await pair({ datagramBytes: 1472 });
  expect([x.medium.maxBytes, fit(x)]).toEqual([1472 - TRAILER_BYTES, 1472 - TRAILER_BYTES]);
  expect(() => x.send(1, 'data', new Uint8Array(1468))).toThrow('limit 1467');
  x.send(1, 'data', new Uint8Array(1467));
  await y.until(() => y.heard.length === 1, 'it');
});

test('many small datagrams at once: all in order, most of them not as events', async () => {
  const [x, y] = await pair({ datagramBytes: 1472 });
  for (let i = 0; i < 100; i++) await new Promise(setImmediate);
  const next = jest.spyOn(Arrivals.prototype, 'next');
  const count = 150;
  for (let i = 0; i < count; i++) x.send(1, 'data', new Uint8Array(100).fill(i));
  await y.until(() => y.heard.length === count, 'all');
  expect(y.heard.map(({ from, bytes }) => [from, bytes[0]])).toEqual(Array.from({ length: count }, (_, i) => [0, i]));
  const read = next.mock.results.filter((r) => r.value !== undefined).length;
  next.mockRestore();
  expect(read).toBeGreaterThan(count / 2);
});

test('a peer that closes is refused, asked, and down', async () => {
  const [x, y] = await pair();
  hosts.splice(1, 1);
  await y.close();
  await x.until(() => x.downs.length === 1, 'down');
  expect(x.downs).toMatchObject([{ peer: 1, why: { kind: 'refused' } }]);
  expect(x.send(1, 'data', Uint8Array.of(1))).toBe(true);
  expect(x.medium.describe()['peer.beta']).toBe('gone');
});

test('strays are dropped and counted: strangers, garbage, malformed notes', async () => {
  const [x, y, list] = await pair();
  const stranger = createSocket('udp4');
  await new Promise<void>((resolve) => stranger.bind(0, HOST, resolve));
  const good = Uint8Array.of(1, ...writeTrailer('data', LIST_HASH));
  for (const b of [good, Uint8Array.of(), Uint8Array.of(0xd0), new Uint8Array(2000)])
    stranger.send(b, list[0]!.port, HOST);
  await x.until(() => x.medium.describe()['strays'] === 4, 'four strays');
  stranger.close();
  expect(x.heard).toEqual([]);
  y.send(0, 'data', Uint8Array.of(9));
  await x.until(() => x.heard.length === 1, 'a message');
  expect(x.heard[0]!.from).toBe(1);
});

test('without checking the source a stranger is heard as nobody known', async () => {
  const list = await freeAddresses(1);
  const x = await host(list, 0, { checkSource: false });
  const stranger = createSocket('udp4');
  stranger.send(Uint8Array.of(5, ...writeTrailer('control', LIST_HASH)), list[0]!.port, HOST);
  await x.until(() => x.heard.length === 1, 'a message');
  stranger.close();
  expect(x.heard).toMatchObject([{ from: -1, plane: 'control', bytes: { 0: 5 } }]);
});

test('data to all is one datagram to the group for whom it reaches, and a copy for others', async () => {
  const list = await freeAddresses(3);
  const multicast = await freeGroup();
  const [x, y] = [await host(list, 0, { multicast }), await host(list, 1, { multicast })];
  const z = await host(list, 2);
  await Promise.all([x, y, z].map((h) => h.until(() => h.connected.size === 2, 'all')));
  await becomes(() => String(x.medium.describe()['peer.beta']).endsWith(', hears the group'));
  const sent = (): number => Number(x.medium.describe()['sent_multicast']);
  const before = sent();
  const count = 20;
  for (let i = 0; i < count; i++) x.send('all', 'data', Uint8Array.of(1), Uint8Array.of(i));
  const asks = sent() - before - count;
  await y.until(() => y.heard.length === count, 'all of it');
  await z.until(() => z.heard.length === count, 'all of it');
  expect(asks).toBe(0);
  expect([...y.heard, ...z.heard].every((h) => h.from === 0)).toBe(true);
  expect(x.heard).toEqual([]);
  expect(z.medium.describe()['multicast']).toBe('off');
});

test('what cannot work is a coded error', async () => {
  const list = await freeAddresses(1);
  const code = async (options: Partial<UdpOptions>): Promise<string> => {
    try {
      await host(list, 0, options);
    } catch (error) {
      return (error as { code: string }).code;
    }
    return 'none';
  };
  expect(await code({ datagramBytes: 100 })).toBe('PEAL_LINK_UDP_DATAGRAM');
  expect(await code({ multicast: { host: '127.0.0.1', port: 0 } })).toBe('PEAL_LINK_UDP_GROUP');
  const group = await freeGroup();
  expect(await code({ multicast: group, multicastInterface: '192.0.2.77' })).toBe('PEAL_LINK_UDP_JOIN');
  await Promise.all(hosts.splice(0).map((h) => h.close()));
  await host(list, 0);
  expect(await code({})).toBe('PEAL_LINK_UDP_LISTEN');
});

test('notes and trailers survive the wire; what is damaged is none', () => {
  for (const kind of ['ask', 'answer'] as const)
    for (const bytes of [13, 1472, 61_440]) {
      const note = { kind, group: bytes === 13, number: 0xfedcba98, bytes };
      const written = writeNote(note);
      expect(readNote(written)).toEqual(note);
      expect(readNote(written.subarray(0, -1))).toBeUndefined();
    }
  expect(readNote(new Uint8Array(8))).toBeUndefined();
  expect(readTrailer(writeTrailer('data', 1))).toBeUndefined();
  expect(readTrailer(Uint8Array.of(1, ...writeTrailer('data', 1)))).toBe('data');
});

// A real site and a neighbour that is played: whatever frames the neighbour sends, updates are exported once and acknowledged
// every time, and old news of members and topologies changes nothing. Items 16, 19 and 31 of the checklist.
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { connect, type Socket } from 'node:net';
import type { SiteDefinition } from '../machine/settings.js';
import type { UpdateId } from '../service.js';
import type { ControlFrame, Frame } from '../wire/frames.js';
import { PROTOCOL_VERSION } from '../wire/limits.js';
import { FrameStream } from '../wire/reader.js';
import { dataHead, writeFrame } from '../wire/write.js';
import { type Site, until, World } from './world.js';

jest.setTimeout(60_000);

const INCARNATION = 1_000_000;
/** The neighbour is the master, `alpha`; the site is `beta`. */
const definitionOf = (name: string, place: number, dataPort: number): SiteDefinition => ({
  name,
  hostname: 'localhost',
  inetAddress: `127.0.0.${place + 2}`,
  clientPort: 2000,
  dataPort,
});

class Neighbour {
  readonly heard: Frame[] = [];
  private readonly socket: Socket;
  private readonly stream = new FrameStream(1_048_576, (f) => this.heard.push(f));

  constructor(
    private readonly world: World,
    private readonly site: Site,
  ) {
    const port = world.portOf(site);
    this.socket = connect({ host: `127.0.0.${site.place + 2}`, port, localAddress: '127.0.0.2' });
    this.socket.on('data', (part: Buffer) => this.stream.push(part, 0));
    this.socket.on('error', () => undefined);
  }

  /** Greets, and tells what it has: nothing. */
  async greet(): Promise<void> {
    const own = definitionOf('alpha', 0, this.world.portOf(this.world.sites[0]!));
    const greeting = {
      incarnation: INCARNATION,
      purpose: 'link',
      protocol: PROTOCOL_VERSION,
      software: 'played',
    } as const;
    this.send({ kind: 'hello', site: own, ...greeting, groups: ['mirror'] });
    await until(() => this.heard.some((f) => f.kind === 'hello'));
    this.send({ kind: 'have', group: 'mirror', origins: [] });
    this.members(1, 1);
    await until(() => this.site.flood.members('mirror')!.length === 2);
  }

  send(f: ControlFrame): void {
    this.socket.write(writeFrame(f));
  }

  update(
    sequence: number,
    more: { readonly hops?: number; readonly origin?: string; readonly incarnation?: number } = {},
  ): void {
    const { hops = 0, origin = 'alpha', incarnation = INCARNATION } = more;
    const body = Buffer.from(`update ${sequence}`);
    const since = sequence - 1;
    const d = {
      kind: 'data',
      origin,
      incarnation,
      sequence,
      scope: '*',
      hops,
      created: 0,
      since,
      sinceOf: [],
    } as const;
    this.socket.write(Buffer.concat([dataHead(d, body.length), body]));
  }

  members(epoch: number, version: number, names = ['alpha', 'beta']): void {
    const members = names.map((name, place) => ({
      site: definitionOf(name, place, this.world.portOf(this.world.sites[place]!)),
      incarnation: place === 0 ? INCARNATION : this.site.flood.statistics().incarnation,
    }));
    this.send({ kind: 'members', group: 'mirror', epoch, version, members });
  }

  topology(epoch: number, number: number, cost: number): void {
    const edges = [{ a: 'alpha', b: 'beta', cost }];
    this.send({ kind: 'topology', group: 'mirror', epoch, number, connectivity: 2, generator: 'builtin', edges });
  }

  acknowledged(): UpdateId[] {
    return this.heard.flatMap((f) => (f.kind === 'ack' ? f.ids : []));
  }

  end(): void {
    this.socket.destroy();
  }
}

let world: World;
let beta: Site;
let alpha: Neighbour;
beforeEach(async () => {
  world = await World.create({ sites: 2, group: { down_period_ms: '20000' } });
  beta = world.sites[1]!;
  await beta.start();
  alpha = new Neighbour(world, beta);
  await alpha.greet();
});
afterEach(async () => {
  alpha.end();
  await world.destroy();
});

test('item 16: updates that come twice or out of order are exported once and acknowledged every time', async () => {
  for (const n of [3, 1, 1, 2, 3, 5, 4, 5]) alpha.update(n);
  await until(() => alpha.acknowledged().length === 8);
  await until(() => beta.exporter.texts.length === 5);
  expect([...beta.exporter.texts].sort()).toEqual([1, 2, 3, 4, 5].map((n) => `update ${n}`));
  expect(alpha.acknowledged().map((a) => a.sequence)).toEqual([3, 1, 1, 2, 3, 5, 4, 5]);
  expect(beta.flood.statistics()).toMatchObject({ duplicates: 3, updatesReceived: 5 });
  expect(beta.flood.have('mirror')).toMatchObject([{ origin: 'alpha', lowWater: 5 }]);
});

test('item 19: too many hops, and our own updates coming back, do no harm', async () => {
  const id = await beta.flood.submit(Buffer.from('our own'));
  if (typeof id === 'string') throw new Error(id);
  alpha.update(1, { hops: 64 });
  alpha.update(2, { hops: 65 });
  alpha.update(id.sequence, { origin: 'beta', incarnation: id.incarnation, hops: 3 });
  await until(() => alpha.acknowledged().length === 3);
  await until(() => beta.exporter.texts.length === 3);
  expect(beta.exporter.texts).toEqual(['our own', 'update 1', 'update 2']);
  expect(beta.flood.statistics()).toMatchObject({ duplicates: 1, updatesOriginated: 1, protocolErrors: 0 });
});

test('item 31: members and topologies of an older epoch or number are not looked at', async () => {
  const cost = (): number | undefined => beta.flood.topology('mirror')!.edges[0]?.cost;
  alpha.members(5, 3);
  alpha.topology(5, 2, 10);
  await until(() => cost() === 10);
  for (const [epoch, number] of [
    [5, 1],
    [5, 2],
    [4, 9],
  ] as const) {
    alpha.topology(epoch, number, 99);
    alpha.members(epoch, number, ['alpha']);
  }
  alpha.members(5, 3, ['alpha']);
  // Frames are read in their order: when this update is there, everything before it was.
  alpha.update(1);
  await until(() => beta.exporter.texts.length === 1);
  expect(cost()).toBe(10);
  expect(beta.flood.members('mirror')!.length).toBe(2);
  expect(beta.flood.groups()).toMatchObject([{ epoch: 5, topologyNumber: 2 }]);
  alpha.topology(5, 3, 11);
  await until(() => cost() === 11);
});

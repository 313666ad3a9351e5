// The compliance suite of links: any implementation of `Link`, ours or a stranger's, over a virtual network on a
// virtual clock. What it checks is the contract in core/machine/types.ts. Every run has a fixed seed, which stands in
// the test's name.
import type { Bytes, Link, Pack } from '../../core/machine/types.js';
import type { TestApi } from './api.js';
import { seeded } from './api.js';
import { LinkMember, configurationOf } from './link-member.js';
import type { Facts, Weather } from './virtual.js';
import { CALM, ROUGH, VirtualNetwork } from './virtual.js';

export interface LinkSetup {
  readonly name: string;
  /** A fresh link in no configuration, for a medium with these facts. */
  create(facts: { readonly stream: boolean; readonly maxBytes: number }): Link;
  /** Media the link works over. */
  readonly media: readonly ('datagram' | 'stream')[];
  /** Seeds of the random runs; default 1 to 6. */
  readonly seeds?: readonly number[];
}

/** Virtual time in which a group must settle once its network is whole, in ms. */
const SETTLE_MS = 60_000;
/** Somebody must be suspected within, in ms. */
const SUSPECT_MS = 20_000;
const HOSTILE_SEED = 20_240_229;

const DATAGRAM: Facts = { stream: false, maxBytes: 1400, queueBytes: 64 * 1024 };
const STREAM: Facts = { stream: true, maxBytes: 64 * 1024, queueBytes: 4 * 1024 * 1024 };

interface Group {
  readonly network: VirtualNetwork;
  readonly members: readonly LinkMember[];
  readonly facts: Facts;
}

function assemble(setup: LinkSetup, facts: Facts, count: number, seed: number, weather: Weather = CALM): Group {
  const network = new VirtualNetwork(seed, facts, count);
  network.weather = weather;
  const members: LinkMember[] = [];
  for (let rank = 0; rank < count; rank++) {
    const link = setup.create(facts);
    const configuration = configurationOf(count, rank, facts, link.overheadBytes);
    members.push(new LinkMember(rank, link, configuration, network, members));
  }
  for (const m of members) m.install();
  return { network, members, facts };
}

/** A pack of random kind, size and content; its first bytes tell it from all others. */
function somePack(random: () => number, maxBytes: number, n: number): Pack {
  const size = random() < 0.2 ? Math.floor(random() * maxBytes) + 1 : Math.min(maxBytes, Math.floor(random() * 200));
  const bytes = new Uint8Array(size);
  for (let i = 0; i < size; i++) bytes[i] = i < 4 ? (n >>> (8 * i)) & 0xff : random() * 256;
  const safeAt = size > 0 && random() < 0.3 ? Math.floor(random() * size) : -1;
  return { kind: 'frames', position: n, safeAt, bytes };
}

/** Lets every member of `who` submit `each` packs in bursts at random times, as its window allows. */
function traffic(g: Group, each: number, who: readonly LinkMember[] = g.members): () => boolean {
  const waiting = new Map<LinkMember, Pack[]>();
  let n = 0;
  for (const m of who) {
    const packs = Array.from({ length: each }, () => somePack(g.network.random, m.configuration.maxPackBytes, ++n));
    waiting.set(m, packs);
    const burst = (): void => {
      const some = Math.floor(g.network.random() * 6);
      packs.splice(0, m.submit(packs.slice(0, some)));
      if (packs.length > 0) g.network.later(m.rank, g.network.random() * 4, burst);
    };
    g.network.later(m.rank, g.network.random() * 4, burst);
  }
  return () => [...waiting.values()].every((p) => p.length === 0);
}

/** Every pack is accepted everywhere and known to be stable everywhere. */
function settled(g: Group): boolean {
  const total = g.members.reduce((sum, m) => sum + m.submitted.length, 0);
  return g.members.every((m) => m.log.length === total && m.stableTo.reduce((a, b) => a + b, 0) === total && total > 0);
}

function states(g: Group): string {
  return g.members.map((m) => m.link.describe()).join('\n');
}

export function linkCompliance(api: TestApi, setup: LinkSetup): void {
  api.describe(`link ${setup.name}`, () => {
    for (const medium of setup.media) {
      const facts = medium === 'stream' ? STREAM : DATAGRAM;
      api.describe(`over a ${medium} medium`, () => {
        deliverySuite(api, setup, facts);
        failureSuite(api, setup, facts);
        freezeSuite(api, setup, facts);
        hostileSuite(api, setup, facts);
      });
    }
  });
}

/** Runs traffic to its end and demands that all of it is accepted and stable, in one order where the link says so. */
function demandAll(api: TestApi, g: Group, each: number): void {
  const submitted = traffic(g, each);
  g.network.run(SETTLE_MS, () => submitted() && settled(g));
  api.expect(settled(g) ? '' : states(g)).toBe('');
  demandOneOrder(api, g);
}

function demandOneOrder(api: TestApi, g: Group): void {
  if (!g.members[0]!.link.totalOrder) return;
  const order = (m: LinkMember): string[] => m.log.map((a) => `${a.sender}.${a.index}`);
  const longest = g.members.map(order).reduce((a, b) => (b.length > a.length ? b : a));
  for (const m of g.members) api.expect(order(m)).toEqual(longest.slice(0, m.log.length));
}

function deliverySuite(api: TestApi, setup: LinkSetup, facts: Facts): void {
  const seeds = setup.seeds ?? [1, 2, 3, 4, 5, 6];
  for (const count of [1, 2, 3, 5])
    api.test(`${count} members on a calm network: all accepted, in order, stable`, () => {
      demandAll(api, assemble(setup, facts, count, 11), 60);
    });
  for (const seed of seeds)
    api.test(`rough network, seed ${seed}: loss, duplication and reordering change nothing`, () => {
      const g = assemble(setup, facts, 2 + (seed % 4), seed, ROUGH);
      demandAll(api, g, 120);
      api.expect(g.members.flatMap((m) => m.suspects)).toEqual([]);
    });
  for (const seed of seeds)
    api.test(`small buffers, seed ${seed}: the medium says false again and again`, () => {
      const small = { ...facts, queueBytes: Math.max(facts.maxBytes, 3000) };
      demandAll(api, assemble(setup, small, 2 + (seed % 3), seed, { ...CALM, delayMs: [0.5, 5] }), 80);
    });
  api.test('after the last pack nothing goes on: idle is idle', () => {
    const g = assemble(setup, facts, 3, 5);
    demandAll(api, g, 20);
    g.network.run(5000);
    const { sent } = g.network;
    g.network.run(60_000);
    api.expect(g.network.sent).toBe(sent);
    api.expect(g.network.pending).toBe(0);
  });
  api.test('a pack is accepted by its sender at the latest when the tick ends, unless the link orders', () => {
    const g = assemble(setup, facts, 3, 6);
    const m = g.members[1]!;
    m.submit([somePack(g.network.random, 100, 1)]);
    m.link.flush();
    if (!m.link.totalOrder) api.expect(m.log.length).toBe(1);
  });
  api.test('the window closes while a member is deaf, and opens when it hears again', () => {
    const g = assemble(setup, facts, 3, 7);
    const [sender, , deaf] = g.members as [LinkMember, LinkMember, LinkMember];
    g.network.run(1000);
    g.network.pause(deaf.rank);
    const packs = Array.from({ length: 20_000 }, (_, i) => somePack(g.network.random, 1000, i));
    let next = 0;
    const pump = (): void => {
      next += sender.submit(packs.slice(next, next + 20));
      if (next < packs.length) g.network.later(sender.rank, 1, pump);
    };
    g.network.later(sender.rank, 0, pump);
    g.network.run(900);
    const bytes = sender.submitted.reduce((sum, p) => sum + p.bytes.length, 0);
    api.expect(bytes).toBeLessThanOrEqual(sender.windowAtStart);
    const before = next;
    g.network.resume(deaf.rank);
    g.network.run(2000);
    api.expect(next).toBeGreaterThan(before);
  });
}

function failureSuite(api: TestApi, setup: LinkSetup, facts: Facts): void {
  const suspected = (g: Group): boolean => g.members.some((m) => m.suspects.length > 0);
  for (const seed of setup.seeds ?? [1, 2, 3])
    api.test(`one direction cut for a while, seed ${seed}: all is made up for`, () => {
      const g = assemble(setup, facts, 3, seed);
      const submitted = traffic(g, 40);
      if (facts.stream) g.network.breakPair(0, 1, 300);
      else g.network.cut(0, 1, true);
      g.network.run(300);
      if (!facts.stream) g.network.cut(0, 1, false);
      g.network.run(SETTLE_MS, () => submitted() && settled(g));
      api.expect(settled(g) ? '' : states(g)).toBe('');
      demandOneOrder(api, g);
    });
  for (const seed of setup.seeds ?? [1, 2, 3])
    if (facts.stream)
      api.test(`streams that break again and again, seed ${seed}: nothing is lost or doubled`, () => {
        const g = assemble(setup, facts, 4, seed, { ...CALM, delayMs: [0.1, 8] });
        const submitted = traffic(g, 150);
        for (let i = 0; i < 12; i++) {
          g.network.run(15);
          const a = Math.floor(g.network.random() * 4);
          g.network.breakPair(a, (a + 1 + Math.floor(g.network.random() * 3)) % 4, g.network.random() * 20);
        }
        g.network.run(SETTLE_MS, () => submitted() && settled(g));
        api.expect(settled(g) ? '' : states(g)).toBe('');
        api.expect(g.members.flatMap((m) => m.suspects)).toEqual([]);
      });
  api.test('one direction cut for good: somebody is suspected', () => {
    const g = assemble(setup, facts, 3, 21);
    g.network.cut(0, 1, true);
    traffic(g, 20);
    g.network.run(SUSPECT_MS, () => suspected(g));
    api.expect(suspected(g)).toBe(true);
  });
  api.test('a dead member: it is suspected and nobody alive is', () => {
    const g = assemble(setup, facts, 3, 22);
    g.network.run(50);
    g.network.kill(2);
    traffic(g, 20, g.members.slice(0, 2));
    g.network.run(SUSPECT_MS, () => suspected(g));
    const named = g.members.flatMap((m) => m.suspects.map((s) => s.rank));
    api.expect([...new Set(named)]).toEqual([2]);
  });
  api.test('a member stands still for a second: all goes on, and it accuses nobody', () => {
    const g = assemble(setup, facts, 3, 23);
    const submitted = traffic(g, 60);
    g.network.run(20);
    g.network.pause(1);
    g.network.run(1000);
    g.network.resume(1);
    g.network.run(SETTLE_MS, () => submitted() && settled(g));
    api.expect(settled(g) ? '' : states(g)).toBe('');
    api.expect(g.members[1]!.suspects).toEqual([]);
  });
}

function freezeSuite(api: TestApi, setup: LinkSetup, facts: Facts): void {
  const poke = (m: LinkMember, heard: readonly Bytes[]): void => {
    for (let key = 0; key < 16; key++) m.link.timer(key);
    for (const bytes of heard) m.link.received((m.rank + 1) % 3, bytes);
    m.link.writable('all');
    m.link.reconnected((m.rank + 1) % 3);
    m.link.flush();
    m.link.freeze();
  };
  api.test('after freeze nothing calls up, whatever is heard', () => {
    const g = assemble(setup, facts, 3, 31, ROUGH);
    const heard = record(g);
    traffic(g, 30);
    g.network.run(30);
    for (const m of g.members) {
      m.freeze();
      poke(m, heard);
      api.expect(m.callsAfterFreeze).toBe(0);
    }
    g.network.run(SETTLE_MS);
    api.expect(g.members.map((m) => m.callsAfterFreeze)).toEqual([0, 0, 0]);
  });
  for (const seed of setup.seeds ?? [1, 2, 3, 4])
    api.test(`what a link that orders hands back at the end fits one order, seed ${seed}`, () => {
      const g = assemble(setup, facts, 3, seed, ROUGH);
      traffic(g, 60);
      g.network.run(30 * seed);
      const handedBack = g.members.map((m) => m.freeze());
      if (!g.members[0]!.link.totalOrder) return;
      const at = new Map<number, string>();
      g.members.forEach((m, i) => {
        const held = [...m.log.map((a, n) => ({ ...a, position: n + 1 })), ...handedBack[i]!.behind];
        for (const { position, sender, index } of held) {
          const known = at.get(position) ?? `${sender}.${index}`;
          api.expect(`${sender}.${index}`).toBe(known);
          at.set(position, known);
        }
      });
    });
  api.test('freeze from inside an acceptance ends the call that led to it', () => {
    const g = assemble(setup, facts, 3, 32, ROUGH);
    const last = g.members[2]!;
    last.onAccepted = (): void => {
      if (last.log.length === 10) last.freeze();
    };
    traffic(g, 30, g.members.slice(0, 2));
    g.network.run(500);
    api.expect(last.log.length).toBe(10);
    api.expect(last.callsAfterFreeze).toBe(0);
  });
  api.test('a new configuration starts at index 1, and the old one is forgotten', () => {
    const first = assemble(setup, facts, 3, 33);
    traffic(first, 10);
    first.network.run(200);
    const again = new VirtualNetwork(34, facts, 2);
    const members: LinkMember[] = [];
    for (const m of first.members.slice(0, 2)) {
      m.freeze();
      const configuration = configurationOf(2, members.length, facts, m.link.overheadBytes);
      members.push(new LinkMember(members.length, m.link, configuration, again, members));
    }
    for (const m of members) m.install();
    demandAll(api, { network: again, members, facts }, 20);
  });
}

/** Collects copies of the messages that travel. */
function record(g: Group): Bytes[] {
  const heard: Bytes[] = [];
  for (const m of g.members) {
    const { link } = m;
    const received = link.received.bind(link);
    link.received = (from, bytes): void => {
      if (heard.length < 200) heard.push(new Uint8Array(bytes));
      received(from, bytes);
    };
  }
  return heard;
}

function hostileSuite(api: TestApi, setup: LinkSetup, facts: Facts): void {
  api.test(`random bytes are ignored, seed ${HOSTILE_SEED}`, () => {
    const g = assemble(setup, facts, 3, 41, ROUGH);
    const submitted = traffic(g, 20);
    g.network.run(20);
    const random = seeded(HOSTILE_SEED);
    const below = (n: number): number => Math.floor(random() * n);
    for (let run = 0; run < 2000; run++) {
      const bytes = Uint8Array.from({ length: below(41) }, () => below(256));
      // Half of them begin as a message of ours might.
      if (run % 2 === 0 && bytes.length > 0) bytes[0] = below(9);
      g.members[0]!.link.received(below(8) - 2, bytes);
    }
    g.network.run(SETTLE_MS, () => submitted() && settled(g));
    api.expect(settled(g) ? '' : states(g)).toBe('');
  });
  api.test(`real messages with changed, missing or added bytes never throw, seed ${HOSTILE_SEED}`, () => {
    const g = assemble(setup, facts, 3, 42, ROUGH);
    const heard = record(g);
    traffic(g, 20);
    g.network.run(100);
    // A forged message may say what a member could have said, so that only the link's survival is asked for here.
    const victim = setup.create(facts);
    const quiet = {
      accepted: ignore,
      release: ignore,
      stable: ignore,
      window: ignore,
      suspect: ignore,
      setTimer: ignore,
    };
    victim.install(configurationOf(3, 0, facts, victim.overheadBytes), { ...quiet, send: () => true, now: () => 0 });
    const random = seeded(HOSTILE_SEED);
    for (let i = 0; i < 4000; i++) {
      const bytes = spoil(heard[Math.floor(random() * heard.length)]!, random);
      victim.received(Math.floor(random() * 4), bytes);
      if (random() < 0.1) victim.flush();
      if (random() < 0.05) victim.timer(Math.floor(random() * 4));
    }
    api.expect(victim.describe().length).toBeGreaterThan(0);
  });
}

function ignore(): void {
  // The victim's acceptances and suspicions mean nothing.
}

function spoil(original: Bytes, random: () => number): Bytes {
  const bytes = original.slice(0, random() < 0.3 ? Math.floor(random() * original.length) : original.length);
  for (let i = 0; i < 3 && bytes.length > 0; i++) {
    const near = random() < 0.7 ? Math.min(24, bytes.length) : bytes.length;
    bytes[Math.floor(random() * near)] = random() * 256;
  }
  return random() < 0.2 ? Uint8Array.of(...bytes, 1, 2, 3) : bytes;
}

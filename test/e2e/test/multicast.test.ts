// The ring over IP multicast between three network namespaces on a bridge: what a pack is sent in goes to all at once, not to
// each daemon. Skipped, saying so, where namespaces cannot be made.
import { afterAll, expect, test } from '@jest/globals';
import { type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { LoadOrder } from '../../../bench/load-client.js';
import { ControlClient } from '../../../core/runtime/control-client.js';
import type { StatusReport } from '../../../core/runtime/status.js';
import { Service } from '../../../core/wire/frame.js';
import { Namespaces, type Traffic } from '../namespaces.js';
import { MAIN } from '../processes.js';

const LOAD = fileURLToPath(new URL('../../../bench/load-client.js', import.meta.url));
const NAMES = ['alpha', 'beta', 'gamma'] as const;
const MESSAGES = 3000;
const MESSAGE_BYTES = 1000;
const DATAGRAM_BYTES = 1472;
/** A pack has at most so many, and one that is not the last of a burst is not much smaller. */
const DATAGRAMS_PER_PACK = 6;
const LINK_PORT = 4800;
const CLIENT_PORT = 4803;

const machines = Namespaces.create(3);
const dir = mkdtempSync(join(tmpdir(), 'peal-multicast-'));
const running: ChildProcess[] = [];

afterAll(async () => {
  const ends = running
    .filter((p) => p.exitCode === null && p.signalCode === null)
    .map((p) => new Promise((r) => p.once('exit', r)));
  for (const p of running) p.kill('SIGKILL');
  await Promise.all(ends);
  machines?.destroy();
  rmSync(dir, { recursive: true, force: true });
});

function configuration(multicast: boolean): string {
  const peers = NAMES.map((name, i) =>
    [
      `[peer.${name}]`,
      `address = ${machines!.address(i)}`,
      `link_port = ${LINK_PORT}`,
      `client_port = ${CLIENT_PORT}`,
    ].join('\n'),
  );
  const group = multicast ? ['multicast = 239.77.1.1'] : [];
  const client = ['[client.binary]', `port = ${CLIENT_PORT}`, 'host = 127.0.0.1', 'unix_socket = off'];
  const links = ['[link.ring]', '[link.udp]', `datagram_bytes = ${DATAGRAM_BYTES}`, ...group];
  return ['[daemon]', `state_dir = ${dir}`, ...peers, ...links, ...client].join('\n');
}

async function status(name: string): Promise<StatusReport> {
  const control = await ControlClient.connect(join(dir, name));
  const report = (await control.call('status')) as StatusReport;
  control.close();
  return report;
}

async function start(multicast: boolean): Promise<void> {
  const file = join(dir, 'peal.ini');
  writeFileSync(file, configuration(multicast));
  const ready = NAMES.map((name, i) => {
    const p = machines!.node(i, [MAIN, 'start', '-c', file, '-n', name], ['ignore', 'pipe', 'ignore']);
    running.push(p);
    return new Promise<void>((r) => createInterface(p.stdout!).once('line', () => r()));
  });
  await Promise.all(ready);
}

async function stop(): Promise<void> {
  for (const p of running.splice(0)) {
    if (p.exitCode !== null || p.signalCode !== null) continue;
    const end = new Promise((r) => p.once('exit', r));
    p.kill('SIGTERM');
    await end;
  }
}

/** Messages of a client at the first daemon to one client at each. Answers when all have them. */
async function load(): Promise<void> {
  const orders = NAMES.map((_, i): LoadOrder => ({
    host: '127.0.0.1',
    port: CLIENT_PORT,
    name: `m${i}`,
    group: 'all',
    count: i === 0 ? MESSAGES : 0,
    bytes: MESSAGE_BYTES,
    service: Service.AGREED,
    members: NAMES.length,
    expect: MESSAGES,
    window: 500,
    block: 20,
  }));
  const said = await Promise.all(
    orders.map(async (order, i) => {
      const p = machines!.node(i, [LOAD, JSON.stringify(order)], ['ignore', 'pipe', 'inherit']);
      running.push(p);
      const lines: string[] = [];
      for await (const line of createInterface(p.stdout!)) lines.push(line);
      return lines.at(-1) ?? '';
    }),
  );
  expect(said.map((line) => (JSON.parse(line) as { event: string }).event)).toEqual(['done', 'done', 'done']);
}

interface Measured {
  readonly packs: number;
  readonly traffic: Traffic;
  readonly sentMulticast: number;
}

async function measure(multicast: boolean): Promise<Measured> {
  await start(multicast);
  const before = machines!.traffic(0);
  await load();
  const after = machines!.traffic(0);
  const { counters, medium } = await status('alpha');
  await stop();
  return {
    packs: counters['delivered position']!,
    sentMulticast: Number(medium['sent_multicast']),
    traffic: {
      frames: after.frames - before.frames,
      bytes: after.bytes - before.bytes,
    },
  };
}

const why = machines === undefined ? ' (no network namespaces here)' : '';
(machines === undefined ? test.skip : test)(
  `a datagram crosses the network once by multicast, and once for each peer without${why}`,
  async () => {
    const payload = MESSAGES * MESSAGE_BYTES;
    const once = await measure(true);
    const least = payload / DATAGRAM_BYTES;
    expect(once.packs).toBeGreaterThan(least / DATAGRAMS_PER_PACK);
    expect(once.packs).toBeLessThan(least);
    // Each datagram once to the group; beside them only news of parking, asks of the medium, what several lost.
    expect(once.sentMulticast).toBeGreaterThan(least);
    expect(once.sentMulticast).toBeLessThan(least * 1.6 + 100);
    // And the network saw these and few others.
    expect(once.traffic.frames).toBeLessThan(least * 2 + 500);
    expect(once.traffic.bytes).toBeGreaterThan(payload);
    expect(once.traffic.bytes).toBeLessThan(payload * 1.7);
    const copies = await measure(false);
    expect(copies.sentMulticast).toBe(0);
    expect(copies.traffic.frames).toBeGreaterThan(least * 2);
    expect(copies.traffic.bytes).toBeGreaterThan(payload * 2);
  },
  120_000,
);

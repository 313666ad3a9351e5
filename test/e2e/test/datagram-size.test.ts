// Datagrams between network namespaces: fragments of 60 KB get through an Ethernet of 1500 bytes; when one machine no
// longer puts them together its peers come down to what needs none. Skipped, saying so, where namespaces cannot be made.
import { afterAll, expect, test } from '@jest/globals';
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Namespaces } from '../namespaces.js';

const PEER = fileURLToPath(new URL('../datagram-peer.js', import.meta.url));
const machines = Namespaces.create(3);
const running: { readonly process: ChildProcess; readonly lines: AsyncIterator<string> }[] = [];

afterAll(async () => {
  for (const { process: p } of running) {
    const end = new Promise((r) => p.once('exit', r));
    p.kill('SIGKILL');
    await end;
  }
  machines?.destroy();
});

async function says(place: number, wanted: string): Promise<void> {
  const { lines } = running[place]!;
  for (let next = await lines.next(); next.done !== true; next = await lines.next()) if (next.value === wanted) return;
  throw new Error(`${place} ended before it said '${wanted}'`);
}

const why = machines === undefined ? ' (no network namespaces here)' : '';
(machines === undefined ? test.skip : test)(
  `fragments are used where they arrive, and given up where they do not${why}`,
  async () => {
    const hosts = [0, 1, 2].map((i) => machines!.address(i));
    for (const i of [0, 1, 2]) {
      const process = machines!.node(i, [PEER, String(i), ...hosts], ['pipe', 'pipe', 'inherit']);
      running.push({ process, lines: createInterface(process.stdout!)[Symbol.asyncIterator]() });
    }
    for (const i of [0, 1, 2]) await says(i, 'heard 2 bytes 61440');
    running[1]!.process.stdin!.write('block\n');
    await says(0, 'heard 2 bytes 1472');
    await says(2, 'heard 2 bytes 1472');
    expect(running.every(({ process: p }) => p.exitCode === null)).toBe(true);
  },
  60_000,
);

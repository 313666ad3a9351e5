// Real Spread 4.4 programs against our daemons. PEAL_SPREAD_DIR names the place of a Spread (bin/spuser, bin/spflooder,
// sbin/spread); without it these are skipped. With sbin/spread the same dialogue runs against the real daemon too.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { startSpread, stop } from '../../../bench/cluster.js';
import { Farm } from '../../e2e/processes.js';

const PLACE = process.env['PEAL_SPREAD_DIR'];
const peer = PLACE === undefined ? test.skip : test;
const why = PLACE === undefined ? ' (PEAL_SPREAD_DIR is not set)' : '';
/** Pause between two lines typed into spuser, which reads and prints as it goes. */
const TYPING_MS = 300;

let farm: Farm | undefined;
beforeAll(async () => {
  if (PLACE === undefined) return;
  farm = await Farm.create({ daemons: 3 });
  await farm.start();
  await new Promise((r) => setTimeout(r, 1500));
}, 60_000);
afterAll(() => farm?.destroy());

/** Runs a program of the peer's; answers what it printed. */
async function run(program: string, args: readonly string[], lines: readonly string[] = []): Promise<string> {
  const p = spawn(join(PLACE!, 'bin', program), args, { stdio: ['pipe', 'pipe', 'pipe'] });
  let out = '';
  p.stdout.on('data', (chunk: Buffer) => (out += chunk.toString('latin1')));
  p.stderr.on('data', (chunk: Buffer) => (out += chunk.toString('latin1')));
  const exit = new Promise((resolve) => p.once('exit', resolve));
  for (const line of lines) {
    await new Promise((r) => setTimeout(r, TYPING_MS));
    p.stdin.write(`${line}\n`);
  }
  await exit;
  return out;
}

/** Two users at two daemons; what both saw, without numbers of group ids and addresses. */
async function dialogue(first: string, second: string): Promise<string[]> {
  const ann = ['j room', 's room\nhello one', 's room zzz\nto two', 'l room', 's room\nfrom outside', 'j room', 'q'];
  const bob = ['j room', 'j zzz', 's room\nhello from bob', 's #ann#alpha\nprivate', 'l zzz', 'l room', 'q'];
  const seen = [run('spuser', ['-u', 'ann', '-s', first], ann)];
  await new Promise((r) => setTimeout(r, TYPING_MS / 2));
  seen.push(run('spuser', ['-u', 'bob', '-s', second], bob));
  const texts = await Promise.all(seen);
  return texts.map((t) => t.replace(/grp id is -?\d+ -?\d+/g, 'grp id').replace(/connected to \S+/, 'connected'));
}

const at = (i: number): string => `${farm!.daemons[i]!.port}@127.0.0.1`;

peer(
  `spuser at two daemons sees what it sees at a real Spread${why}`,
  async () => {
    const ours = await dialogue(at(0), at(1));
    expect(ours[0]).toContain('Due to the JOIN of #bob#beta');
    const real = await startSpread(PLACE!);
    try {
      const [a, b] = real.hosts.map((h) => `${h.port}@${h.host}`);
      expect(ours).toEqual(await dialogue(a!, b!));
    } finally {
      await stop(real);
    }
  },
  120_000,
);

peer(
  `spflooder on all three daemons at once completes${why}`,
  async () => {
    const all = await Promise.all(
      [0, 1, 2].map((i) => run('spflooder', ['-u', `f${i}`, '-m', '10000', '-b', '1000', '-n', '3', '-s', at(i)])),
    );
    for (const text of all) expect(text).toContain('completed multicast of 10000 messages');
  },
  120_000,
);

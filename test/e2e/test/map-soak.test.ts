// A short run of `npm run map-soak`: the replicated map of the examples on real daemons that are killed and parted.
import { expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const TOOL = fileURLToPath(new URL('../../../tools/map-soak.js', import.meta.url));

test('three maps are equal after a storm', async () => {
  const p = spawn(process.execPath, [TOOL, '--minutes', '0', '--seed', '3', '--json'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [out, log] = ['', ''];
  p.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  p.stderr.on('data', (chunk: Buffer) => (log += chunk.toString()));
  const code = await new Promise((r) => p.once('exit', r));
  expect([code, log]).toEqual([0, expect.any(String)]);
  expect(JSON.parse(out)).toMatchObject({ rounds: 1, merges: 2, unequal: 0 });
}, 180_000);

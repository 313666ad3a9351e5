// storage.lmdb is killed at random moments while it is written to: what it said is done is there, nothing is half there,
// and the accounts are right. PEAL_KILLS sets how often, PEAL_SEED the moments.
import { expect, test } from '@jest/globals';
import { seeded } from 'peal/compliance';
import { RECORD_OVERHEAD_BYTES } from 'peal/plugin';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { build, KEYS, LOG, PAIR, versionOf } from './writer.js';

const KILLS = Number(process.env['PEAL_KILLS'] ?? 4);
const SEED = Number(process.env['PEAL_SEED'] ?? 1);
/** A life lasts at most that long after its start, milliseconds. */
const LONGEST_LIFE_MS = 120;
const WRITER = fileURLToPath(new URL('writer.js', import.meta.url));

/** One life of the writer: the highest number it noted for each thing it did. */
async function life(path: string, lifeMs: number): Promise<Map<string, number>> {
  const notes = join(path, 'notes');
  rmSync(notes, { force: true });
  const child = spawn(process.execPath, [WRITER, path, notes], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  await Promise.race([once(child.stdout, 'data'), ended]);
  await wait(lifeMs);
  child.kill('SIGKILL');
  expect(await ended).toEqual([null, 'SIGKILL']);
  const lines = readFileSync(notes, 'utf8').split('\n').slice(0, -1);
  return new Map(lines.map((line) => line.split(' ')).map(([what, number]) => [what!, Number(number)]));
}

/** What the storage holds is what was said, or one write more of each that was under way. Answers how much that is. */
async function check(path: string, before: Map<string, number>, said: Map<string, number>): Promise<number> {
  const storage = build(path);
  await storage.start?.();
  const store = storage.space('victim');
  let used = 0;
  let writes = 0;
  const versions = new Map<string, number>();
  for await (const { key, value } of store.range({})) {
    used += key.length + value.length + RECORD_OVERHEAD_BYTES;
    versions.set(key, versionOf(key, value));
  }
  for (const [name, keys] of [...KEYS.map((key) => [key, [key]] as const), ['pair', PAIR] as const]) {
    const done = said.get(name) ?? before.get(name) ?? 0;
    const found = versions.get(keys[0]) ?? 0;
    expect([name, found - done >= 0 && found - done <= 1, found]).toEqual([name, true, found]);
    for (const key of keys) expect([key, versions.get(key) ?? 0]).toEqual([key, found]);
    writes += found - (before.get(name) ?? 0);
    before.set(name, found);
  }
  const log = store.log(LOG);
  const { first, next } = log.bounds();
  const appended = said.get('append') ?? before.get('append') ?? 0;
  expect(next - 1 - appended >= 0 && next - 1 - appended <= 1).toBe(true);
  expect(first).toBeGreaterThan(said.get('trimmed') ?? 0);
  expect(first <= Math.max(1, (said.get('trimming') ?? before.get('first') ?? 0) + 1)).toBe(true);
  const records = await log.read(1, Infinity);
  expect(records.map((r) => [r.number, versionOf(LOG, r.bytes)])).toEqual(
    Array.from({ length: next - first }, (_, i) => [first + i, first + i]),
  );
  for (const { bytes } of records) used += bytes.length + RECORD_OVERHEAD_BYTES;
  expect(store.usage().usedBytes).toBe(used);
  writes += next - 1 - (before.get('append') ?? 0);
  before.set('append', next - 1).set('first', first);
  await storage.stop?.();
  return writes;
}

test(
  `${KILLS} kills at random moments lose nothing that was promised`,
  async () => {
    const random = seeded(SEED);
    const path = mkdtempSync(join(tmpdir(), 'peal-kills-'));
    const before = new Map<string, number>();
    let writes = 0;
    try {
      for (let i = 0; i < KILLS; i++) writes += await check(path, before, await life(path, random() * LONGEST_LIFE_MS));
    } finally {
      rmSync(path, { recursive: true, force: true });
    }
    expect(writes).toBeGreaterThan(KILLS);
    if (process.env['PEAL_KILLS'] !== undefined) process.stdout.write(`${KILLS} kills, ${writes} writes checked\n`);
  },
  30_000 + KILLS * 3000,
);

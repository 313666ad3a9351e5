// export.file with fsync = always is killed at random moments: every batch that was done is there, whole and once, and
// what was cut off is set aside at the next start. PEAL_KILLS sets how often, PEAL_SEED the moments.
import { expect, test } from '@jest/globals';
import { seeded } from 'peal/compliance';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { wholeRecords } from '../record.js';
import { build, recordsOf } from './journal.js';

const KILLS = Number(process.env['PEAL_KILLS'] ?? 4);
const SEED = Number(process.env['PEAL_SEED'] ?? 1);
const LONGEST_LIFE_MS = 120;
const ASIDE = /^out\.\d/;
const WRITER = fileURLToPath(new URL('journal.js', import.meta.url));

/** One life from that batch on; answers the last that was done. */
async function life(path: string, from: number, lifeMs: number): Promise<number> {
  const notes = join(dirname(path), 'notes');
  rmSync(notes, { force: true });
  const child = spawn(process.execPath, [WRITER, path, String(from), notes], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  await Promise.race([once(child.stdout, 'data'), ended]);
  await wait(lifeMs);
  child.kill('SIGKILL');
  expect(await ended).toEqual([null, 'SIGKILL']);
  const lines = readFileSync(notes, 'utf8').split('\n').slice(0, -1);
  rmSync(notes);
  return Number(lines.at(-1) ?? from - 1);
}

/** The ids of all whole records, those put aside first; each is compared with what was written. */
async function idsIn(folder: string): Promise<string[]> {
  const ids: string[] = [];
  const files = readdirSync(folder).filter((f) => !f.includes('torn'));
  for (const name of files.sort((a, b) => b.length - a.length || (a < b ? -1 : 1))) {
    const bytes = readFileSync(join(folder, name));
    for await (const { about, bytesAt, length } of wholeRecords(join(folder, name))) {
      const [batch, place] = about['id']!.split(' ').map(Number);
      expect(recordsOf(batch!)[place!]!.bytes.equals(bytes.subarray(bytesAt, bytesAt + length))).toBe(true);
      ids.push(about['id']!);
    }
  }
  return ids;
}

test(
  `${KILLS} kills at random moments lose no batch that was done`,
  async () => {
    const random = seeded(SEED);
    const folder = mkdtempSync(join(tmpdir(), 'peal-file-kills-'));
    const path = join(folder, 'out');
    let expected: string[] = [];
    let before = 0;
    let checked = 0;
    let next = 1;
    try {
      for (let i = 0; i < KILLS; i++) {
        const done = await life(path, next, random() * LONGEST_LIFE_MS);
        for (; next <= done; next++) expected.push(...recordsOf(next).map(({ id }) => id));
        // The batch under way may be there as a whole, in part, or not at all; it is not tried again.
        const exporter = build(path);
        await exporter.start?.();
        await exporter.stop();
        const found = await idsIn(folder);
        expect(found.slice(0, expected.length)).toEqual(expected);
        const more = found.slice(expected.length);
        expect(more).toEqual(
          recordsOf(next++)
            .map(({ id }) => id)
            .slice(0, more.length),
        );
        checked += found.length - before;
        // Somebody takes away what was put aside.
        for (const name of readdirSync(folder)) if (ASIDE.test(name)) rmSync(join(folder, name));
        expected = await idsIn(folder);
        before = expected.length;
      }
      expect(checked).toBeGreaterThan(KILLS);
      const torn = readdirSync(folder).filter((f) => f.includes('torn')).length;
      if (process.env['PEAL_KILLS'] !== undefined)
        process.stdout.write(`${KILLS} kills, ${checked} records checked, ${torn} torn ends set aside\n`);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
  30_000 + KILLS * 3000,
);

// What kills.test.ts kills: a process that appends batches to a file and notes in another which are done.
import { buildPlugin, seeded } from 'peal/compliance';
import type { Exporter } from 'peal/plugin';
import { openSync, writeSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import plugin from '../index.js';

const LARGEST_RECORD_BYTES = 200_000;

export const build = (path: string): Exporter =>
  buildPlugin<Exporter>({ plugin, options: { path, fsync: 'always', rotate_bytes: '8 MiB' } }).instance;

/** Records of that batch: its number stands in each. */
export function recordsOf(batch: number): { id: string; bytes: Buffer }[] {
  const random = seeded(batch);
  return Array.from({ length: 1 + Math.floor(random() * 5) }, (_, i) => ({
    id: `${batch} ${i}`,
    bytes: Buffer.alloc(Math.floor(random() ** 3 * LARGEST_RECORD_BYTES), `${batch} ${i} \n`),
  }));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const exporter = build(process.argv[2]!);
  const notes = openSync(process.argv[4]!, 'a');
  await exporter.start?.();
  process.stdout.write('ready\n');
  for (let batch = Number(process.argv[3]); ; batch++) {
    const offer = exporter.offer({ records: recordsOf(batch), labels: { batch: String(batch) } });
    if (offer === 'busy' || !(await offer).ok) throw new Error('not taken');
    writeSync(notes, `${batch}\n`);
  }
}

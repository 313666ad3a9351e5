// What file.test.ts runs under a limit on the size of files: appends batches until the system refuses, then says what the
// exporter answered. One line of JSON on standard output.
import { buildPlugin } from 'peal/compliance';
import type { Exporter } from 'peal/plugin';
import plugin from '../index.js';

const options = { path: process.argv[2]!, rotate_bytes: '0', fsync: 'none', retries: '0' };
const exporter = buildPlugin<Exporter>({ plugin, options }).instance;
await exporter.start?.();
const results: string[] = [];
const sizes = [...Array.from({ length: 20 }, () => 100_000), 10];
for (const [i, size] of sizes.entries()) {
  const records = [0, 1].map((place) => ({ id: `${i} ${place}`, bytes: new Uint8Array(size / 2) }));
  const offer = exporter.offer({ records, labels: {} });
  results.push(offer === 'busy' ? 'busy' : (await offer).ok ? 'ok' : 'failed');
}
await exporter.stop();
process.stdout.write(JSON.stringify(results));

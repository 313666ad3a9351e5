// export.memory against the compliance suite of its kind, and what is its own: it keeps the last records only.
import { describe, expect, test } from '@jest/globals';
import { buildPlugin, exportCompliance } from 'peal/compliance';
import plugin, { type MemoryExporter } from '../index.js';

const build = (options: Record<string, string>): Promise<MemoryExporter> =>
  Promise.resolve(buildPlugin<MemoryExporter>({ plugin, options }).instance);

exportCompliance(
  { describe, test, expect },
  {
    name: 'memory',
    create: () => build({}),
    createSlow: () => build({ delay_ms: '1 h' }),
    createFailing: () => build({ fail_every: '1' }),
    arrived: (exporter) => Promise.resolve((exporter as MemoryExporter).records()),
  },
);

test('the oldest records make room', async () => {
  const exporter = await build({ limit_bytes: '10' });
  await exporter.start?.();
  const records = ['aaaa', 'bbbb', 'cccc'].map((id) => ({ id, bytes: new TextEncoder().encode(id) }));
  await exporter.offer({ records, labels: {} });
  expect(exporter.records().map((r) => r.id)).toEqual(['bbbb', 'cccc']);
  await exporter.stop();
});

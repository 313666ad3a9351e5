// export.memory against the compliance suite of its kind, and what is its own: it keeps the last records only.
import { afterAll, describe, expect, test } from '@jest/globals';
import { buildPlugin, pluginCompliance } from 'peal/compliance';
import plugin, { type MemoryExporter } from '../index.js';
import parts from './compliance.setup.js';

const build = (options: Record<string, string>): Promise<MemoryExporter> =>
  Promise.resolve(buildPlugin<MemoryExporter>({ plugin, options }).instance);

pluginCompliance({ describe, test, expect, afterAll }, plugin, { parts });

test('the oldest records make room', async () => {
  const exporter = await build({ limit_bytes: '10' });
  await exporter.start?.();
  const records = ['aaaa', 'bbbb', 'cccc'].map((id) => ({ id, bytes: new TextEncoder().encode(id) }));
  await exporter.offer({ records, labels: {} });
  expect(exporter.records().map((r) => r.id)).toEqual(['bbbb', 'cccc']);
  await exporter.stop();
});

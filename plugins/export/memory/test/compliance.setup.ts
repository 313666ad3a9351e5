// What the suite of exporters cannot know of the memory one: where records arrive, and how it is slow and fails.
import type { ComplianceParts } from 'peal/compliance';
import type { MemoryExporter } from '../index.js';

const parts: ComplianceParts<'export'> = ({ build }) => ({
  createSlow: () => Promise.resolve(build<MemoryExporter>({ delay_ms: '1 h' }).instance),
  createFailing: () => Promise.resolve(build<MemoryExporter>({ fail_every: '1' }).instance),
  arrived: (exporter) => Promise.resolve((exporter as MemoryExporter).records()),
});
export default parts;

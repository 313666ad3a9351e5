// What the suite of exporters cannot know of the command one: commands that take, take long and fail. `--set command=...` runs
// another one, and then nobody looks where records arrive.
import type { ComplianceParts } from 'peal/compliance';
import type { Exporter } from 'peal/plugin';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const parts: ComplianceParts<'export'> = ({ build, folder, options }) => {
  if (options['command'] !== undefined) return {};
  let file = '';
  const built = (command: string, more = {}): Promise<Exporter> =>
    Promise.resolve(build<Exporter>({ command, retries: '0', ...more }).instance);
  return {
    create: () => {
      file = join(folder(), 'taken');
      return built(`cat >> ${file}`);
    },
    createSlow: () => built('sleep 60', { stop_wait_ms: '50' }),
    createFailing: () => built('exit 3'),
    arrived: () => Promise.resolve(existsSync(file) ? [{ id: '', bytes: readFileSync(file) }] : []),
  };
};
export default parts;

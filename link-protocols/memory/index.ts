// [link.memory]: a medium inside one process, under the core's mesh. What it promises: core/plugin/medium.ts.
import { definePlugin } from 'peal/plugin';
import { MEMORY_ERRORS } from './errors.js';
import { MemoryMedium } from './medium.js';
import { options } from './options.js';

export default definePlugin({
  kind: 'link',
  seam: 'medium',
  name: 'memory',
  api: '^1',
  doc: 'Connects daemons of one process, for embedding and tests.',
  options,
  errors: MEMORY_ERRORS,
  create: (scope) => new MemoryMedium(scope.options),
});

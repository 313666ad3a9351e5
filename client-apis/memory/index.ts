// The plugin [client.memory] (README.md).
import { definePlugin, Logger, Sessions } from 'peal/plugin';
import { MemoryApi } from './api.js';
import { MEMORY_ERRORS } from './errors.js';

export { MemoryApi } from './api.js';
export type { MemoryConnect, MemorySession } from './api.js';
export type { Level, Outgoing } from './session.js';

export default definePlugin({
  kind: 'client',
  name: 'memory',
  api: '^1',
  doc: 'Sessions inside the process of the daemon, for embedding and for tests.',
  options: {
    max_events: {
      type: 'int',
      default: 1000,
      min: 1,
      unit: 'events',
      doc: 'Events that may wait to be taken; a session with more is ended as not reading.',
    },
  },
  errors: MEMORY_ERRORS,
  create: (scope) => new MemoryApi(scope.section, scope.get(Sessions), scope.get(Logger), scope.options.maxEvents),
});

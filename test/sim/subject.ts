// What is simulated by default: the production daemon over the production mesh.
import { createDaemon } from '../../core/machine/daemon.js';
import { createMesh } from '../../core/machine/mesh/index.js';
import { DEFAULT_OPTIONS } from '../../core/machine/options.js';
import { PEAL_OPTIONS } from './checkers.js';
import type { Subject } from './run.js';

/** The windows of twelve members, twice: one in flight, one behind it not yet known to be stable. */
const LOG_BYTES_MAX = 2 * 12 * 2 * 1024 * 1024;

export const PEAL: Subject = {
  create: createDaemon,
  link: (stream, windowBytes) => createMesh(windowBytes === undefined ? { stream } : { stream, windowBytes }),
  options: DEFAULT_OPTIONS,
  checkers: {
    ...PEAL_OPTIONS,
    idleCounters: ['backlog bytes', 'log packs', 'log bytes'],
    limits: { 'log bytes': LOG_BYTES_MAX },
  },
  media: ['stream', 'datagram'],
};

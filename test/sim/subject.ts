// What is simulated: the production daemon over the production mesh, or over the ring.
import { createDaemon } from '../../core/machine/daemon.js';
import { createMesh } from '../../core/machine/mesh/index.js';
import { DEFAULT_OPTIONS } from '../../core/machine/options.js';
import { createRing } from '../../link-protocols/ring/machine.js';
import { PEAL_OPTIONS } from './checkers.js';
import type { Subject } from './run.js';

/** The windows of twelve members, twice: one in flight, one behind it not yet known to be stable. */
const LOG_BYTES_MAX = 2 * 12 * 2 * 1024 * 1024;

/** The backlog at which clients are no longer read, and one burst of the largest messages on top. */
const BACKLOG_BYTES_MAX = DEFAULT_OPTIONS.backlogBytes + 4 * 1024 * 1024;

export const PEAL: Subject = {
  create: createDaemon,
  link: (stream, windowBytes) => createMesh(windowBytes === undefined ? { stream } : { stream, windowBytes }),
  options: DEFAULT_OPTIONS,
  checkers: {
    ...PEAL_OPTIONS,
    idleCounters: ['backlog bytes', 'log packs', 'log bytes'],
    limits: { 'log bytes': LOG_BYTES_MAX, 'backlog bytes': BACKLOG_BYTES_MAX },
  },
  media: ['stream', 'datagram'],
};

/** The same over a link that orders; it is made for datagrams, and streams must do it no harm. */
export const RING: Subject = {
  ...PEAL,
  link: (_, windowBytes) => createRing(windowBytes === undefined ? {} : { windowBytes }),
  media: ['datagram', 'datagram', 'datagram', 'stream'],
};

export const SUBJECTS = { mesh: PEAL, ring: RING } as const;

// What is simulated by default: the production daemon over the production mesh.
import { createDaemon } from '../../core/machine/daemon.js';
import { createMesh } from '../../core/machine/mesh/index.js';
import { DEFAULT_OPTIONS } from '../../core/machine/options.js';
import { PEAL_OPTIONS } from './checkers.js';
import type { Subject } from './run.js';

export const PEAL: Subject = {
  create: createDaemon,
  link: (stream, windowBytes) => createMesh(windowBytes === undefined ? { stream } : { stream, windowBytes }),
  options: DEFAULT_OPTIONS,
  checkers: { ...PEAL_OPTIONS, idleCounters: ['backlog bytes'] },
  media: ['stream', 'datagram'],
};

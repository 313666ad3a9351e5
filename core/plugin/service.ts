// Contract of the service kind: a daemon on top, that uses sessions, storage and export and is itself only started and
// stopped. It starts after what it needs and before client APIs, and stops after them, so clients never meet half of it.
import type { Part } from './define.js';
import { token, type Token } from './ports.js';

/**
 * `start` resolves when the service works; opening its sessions happens in there, not in the constructor. `stop` ends
 * its sessions and is idempotent; nothing it started goes on afterwards. What groups send it is hostile until checked.
 */
export interface Service extends Part {
  start(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * The running service that the section of the asking plugin chooses with `service = NAME`, e.g. for a client API that is
 * the service's face. The two plugins agree on its type: `scope.get(Companion) as FloodService`.
 */
export const Companion: Token<Service> = token('Companion');

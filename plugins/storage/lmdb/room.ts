// Is there room for a new tree? The library makes a lock file with a hole in it and maps that: on a full disk the first write to it ends
// the process by SIGBUS, without a word. So what it will need is written once before.
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** The name that the library gives its lock file. */
const LOCK_FILE = 'lock.mdb';
const TRIAL_FILE = 'room.trial';
/** Lock file and first pages of the tree have less. */
const TRIAL_BYTES = 65_536;

/** Throws what the system says when a new tree has no room in that folder. */
export function tryRoom(folder: string): void {
  if (existsSync(join(folder, LOCK_FILE))) return;
  const file = join(folder, TRIAL_FILE);
  try {
    writeFileSync(file, new Uint8Array(TRIAL_BYTES), { flush: true });
  } finally {
    rmSync(file, { force: true });
  }
}

// The daemon's own folder under state_dir: control socket, storage. Made with mode 0700 and never taken through a symbolic
// link, because sockets and data of the daemon live in it.
import { existsSync, lstatSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DAEMON_ERRORS, PealError, reasonOf } from '../errors.js';

const PRIVATE_MODE = 0o700;
const GROUP_OR_OTHERS_WRITE = 0o022;

/** Path of the folder of that daemon; whether it exists or not. */
export function stateDirOf(stateDir: string, daemon: string): string {
  // Names of daemons are printable ASCII, but may hold a slash or be dots alone.
  const safe = daemon.replace(/[/%]/g, (c) => `%${c.charCodeAt(0).toString(16)}`).replace(/^\.+$/, '%2e');
  return join(stateDir, safe);
}

/**
 * A folder and those above it. One at a time: in a place that takes no folders, /proc for one, the recursive call of
 * Node 20 tries for ever.
 */
function makeFolders(path: string): void {
  const missing: string[] = [];
  for (let at = path; !existsSync(at) && at !== dirname(at); at = dirname(at)) missing.unshift(at);
  for (const at of missing) mkdirSync(at, { mode: PRIVATE_MODE });
}

/** Makes the folder. Throws a coded error when it cannot be ours alone. */
export function makeStateDir(path: string): void {
  const fail = (detail: string, cause?: unknown): PealError =>
    PealError.of(DAEMON_ERRORS.STATE_DIR, { path, detail }, { cause });
  try {
    makeFolders(path);
  } catch (cause) {
    throw fail(reasonOf(cause), cause);
  }
  const found = lstatSync(path);
  if (!found.isDirectory()) throw fail('it is no folder');
  if (process.getuid !== undefined && found.uid !== process.getuid()) throw fail('it belongs to another user');
  if ((found.mode & GROUP_OR_OTHERS_WRITE) !== 0) throw fail('others may write to it');
}

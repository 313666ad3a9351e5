// Where the control socket is, and whether it may be made there: in the daemon's own folder, never through a symbolic
// link, never over anything but a dead socket of our own user. Rules: docs/design/runtime.md, 5.
import { chmodSync, lstatSync, unlinkSync, type Stats } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { CONTROL_ERRORS, PealError, reasonOf } from '../errors.js';

/** What the system takes as a path of a Unix socket, bytes: the field less its NUL. */
export const MAX_PATH_BYTES = process.platform === 'linux' ? 107 : 103;
/** A socket that neither takes nor refuses a connection in that time is alive, milliseconds. */
const PROBE_LIMIT_MS = 1000;

/** The control socket in the daemon's folder. Throws a coded error when its path is too long. */
export function controlPath(folder: string): string {
  const path = join(folder, 'control.sock');
  const bytes = Buffer.byteLength(path);
  if (bytes > MAX_PATH_BYTES) throw PealError.of(CONTROL_ERRORS.PATH_TOO_LONG, { path, bytes, limit: MAX_PATH_BYTES });
  return path;
}

function unsafe(path: string, detail: string): PealError {
  return PealError.of(CONTROL_ERRORS.UNSAFE, { path, detail });
}

function lookAt(path: string): Stats | undefined {
  return lstatSync(path, { throwIfNoEntry: false });
}

function isOurs(found: Stats): boolean {
  return process.getuid === undefined || found.uid === process.getuid();
}

/** Sees to it that the folder is a folder, ours, and closed to others. Throws a coded error. */
export function closeFolder(folder: string): void {
  const found = lookAt(folder);
  if (found === undefined) throw unsafe(folder, 'the folder does not exist');
  if (found.isSymbolicLink()) throw unsafe(folder, 'it is a symbolic link');
  if (!found.isDirectory()) throw unsafe(folder, 'it is no folder');
  if (!isOurs(found)) throw unsafe(folder, 'it belongs to another user');
  if ((found.mode & 0o077) !== 0) chmodSync(folder, 0o700);
}

/** Takes a dead socket of our own out of the way. Rejects with a coded error when a daemon lives there, or worse. */
export async function clearPath(path: string): Promise<void> {
  const found = lookAt(path);
  if (found === undefined) return;
  if (!found.isSocket()) throw unsafe(path, 'something else than a socket is there');
  if (!isOurs(found)) throw unsafe(path, 'it belongs to another user');
  if (await alive(path)) throw PealError.of(CONTROL_ERRORS.ALREADY_RUNNING, { path });
  try {
    // Another daemon that starts just now may have put its own there meanwhile.
    if (lookAt(path)?.ino === found.ino) unlinkSync(path);
  } catch (cause) {
    throw PealError.of(CONTROL_ERRORS.LISTEN, { path, detail: reasonOf(cause) }, { cause });
  }
}

/** Only a refusal, or no socket any more, proves that nobody is there. */
function alive(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(path);
    const done = (lives: boolean): void => {
      probe.destroy();
      resolve(lives);
    };
    probe.setTimeout(PROBE_LIMIT_MS, () => done(true));
    probe.once('connect', () => done(true));
    probe.once('error', (error: NodeJS.ErrnoException) => {
      done(error.code !== 'ECONNREFUSED' && error.code !== 'ENOENT');
    });
  });
}

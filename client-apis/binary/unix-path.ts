// The one socket that is not made in a folder of our own (design.md 9): unmodified clients expect /tmp/PORT with mode
// 0666. It replaces nothing but a dead socket of our own user, and nothing is ever done through a symbolic link: lstat
// looks at the name itself, bind refuses any name that exists, and unlink removes the name and not what it points to.
import { chmod, lstat, unlink } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { PealError } from 'peal/plugin';
import { BINARY_ERRORS } from './errors.js';

/** Everybody on this machine may connect, as with the peer. */
export const UNIX_SOCKET_MODE = 0o666;

/** Longest path of a Unix socket, in bytes; a longer one would be cut off, and the socket stand somewhere else. */
export const UNIX_PATH_BYTES = process.platform === 'linux' ? 107 : 103;

/** The path for that option value and port; undefined for `off`. Throws a coded error when it is too long. */
export function unixPath(option: string, port: number): string | undefined {
  if (option === 'off') return undefined;
  const path = option.endsWith('/') ? `${option}${port}` : option;
  const bytes = Buffer.byteLength(path);
  if (bytes > UNIX_PATH_BYTES) throw PealError.of(BINARY_ERRORS.SOCKET_PATH, { path, bytes, limit: UNIX_PATH_BYTES });
  return path;
}

/** Removes a dead socket of our own user; a coded error for anything else that is there. */
export async function clearUnixPath(path: string): Promise<void> {
  const found = await lookAt(path);
  if (found === undefined) return;
  if (!found.isSocket()) throw PealError.of(BINARY_ERRORS.NOT_A_SOCKET, { path });
  if (found.uid !== process.getuid?.()) throw PealError.of(BINARY_ERRORS.NOT_OUR_SOCKET, { path, uid: found.uid });
  if (await isAlive(path)) throw PealError.of(BINARY_ERRORS.SOCKET_IN_USE, { path });
  await unlink(path);
}

/** Opens the fresh socket to everybody. */
export async function openToAll(path: string): Promise<void> {
  await chmod(path, UNIX_SOCKET_MODE);
}

async function lookAt(path: string) {
  try {
    return await lstat(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Does anybody listen there? Only a refusal says that nobody does. */
function isAlive(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(path);
    const answer = (alive: boolean) => {
      socket.destroy();
      resolve(alive);
    };
    socket.once('connect', () => answer(true));
    socket.once('error', (error: NodeJS.ErrnoException) => answer(error.code !== 'ECONNREFUSED'));
  });
}

// What the bench has started and must not leave behind, however it ends: daemons and load processes, and folders of clusters.
import type { ChildProcess } from 'node:child_process';
import { rmSync } from 'node:fs';

const alive = new Set<ChildProcess>();
const folders = new Set<string>();

/**
 * Give these to `spawn`: a terminal's Ctrl-C goes to its whole group of processes, and would end the run that is to be finished.
 */
export const OWN_GROUP = { detached: true } as const;

/** It is killed at the end, if it still runs then. */
export function child<P extends ChildProcess>(p: P): P {
  alive.add(p);
  p.once('exit', () => alive.delete(p));
  return p;
}

/** It is removed at the end, if `rmSync` did not before. */
export function folder(path: string): string {
  folders.add(path);
  return path;
}

process.once('exit', () => {
  for (const p of alive) p.kill('SIGKILL');
  for (const path of folders) rmSync(path, { recursive: true, force: true });
});

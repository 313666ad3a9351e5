// How many files and connections the system lets this process open. When they run out it closes new connections by itself, and no
// program hears of it: so an operator is told at the start.
import { readFileSync } from 'node:fs';
import { DAEMON_ERRORS, PealError } from '../errors.js';

/** What the process opens beside its clients: links, storage, control connections, modules. */
const OTHERS = 100;

/** A warning when fewer files can be open than sessions may be; undefined also where the system does not say. */
export function fewFiles(maxSessions: number, limits = systemLimits()): PealError | undefined {
  const found = /^Max open files\s+(\d+)/m.exec(limits);
  const files = found === null ? Infinity : Number(found[1]);
  if (files >= maxSessions + OTHERS) return undefined;
  return PealError.of(DAEMON_ERRORS.FEW_FILES, { files, sessions: maxSessions, wanted: maxSessions + OTHERS });
}

function systemLimits(): string {
  try {
    return readFileSync('/proc/self/limits', 'utf8');
  } catch {
    return '';
  }
}

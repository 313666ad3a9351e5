// The last incarnation of this site in the folder of its daemon, one line of digits: the next life takes a larger one, also
// when the clock has gone back meanwhile and nothing else of the site is kept. Written beside and renamed, never in place.
import { readFileSync, renameSync, writeFileSync } from 'node:fs';

/** 0 when there is none, or none that can be read: the clock alone will do. */
export function lastIncarnation(file: string): number {
  try {
    const value = Number(/^\d{1,15}\n$/.exec(readFileSync(file, 'latin1'))?.[0] ?? 0);
    return Number.isSafeInteger(value) ? value : 0;
  } catch {
    return 0;
  }
}

/** A folder that cannot be written costs only the safeguard against clocks that go back. */
export function keepIncarnation(file: string, incarnation: number): void {
  try {
    writeFileSync(`${file}.new`, `${incarnation}\n`);
    renameSync(`${file}.new`, file);
  } catch {
    // As said above.
  }
}

// Plants one bug: the changed source, or what is wrong with the list. Source that moved on must fail loudly, or a
// mutant would prove nothing.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Mutant } from './mutant.js';

/** Path of each changed file in the repository, and its text with the bug. Throws when an edit does not fit exactly once. */
export function plant(root: string, m: Mutant): ReadonlyMap<string, string> {
  const changed = new Map<string, string>();
  for (const { file, find, put } of m.edits) {
    const text = changed.get(file) ?? readFileSync(join(root, file), 'utf8');
    const parts = text.split(find);
    if (parts.length !== 2)
      throw new Error(`mutant ${m.name}: ${file} has ${parts.length - 1} places like ${JSON.stringify(find)}, not one`);
    changed.set(file, parts.join(put));
  }
  return changed;
}

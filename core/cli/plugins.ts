// `peal plugins`: the plugin tree. With a file the planned one, without any daemon.
import { planFrom } from '../index.js';
import { formatTree, plannedTree } from '../kernel/tree.js';
import type { Terminal } from './terminal.js';

/** Prints what would run, in the order of its start. */
export async function showPlugins(
  file: string | undefined,
  name: string | undefined,
  terminal: Terminal,
): Promise<void> {
  terminal.print(formatTree(plannedTree(await planFrom({ file, name }))));
}

// `peal config check` and `peal config explain`: what a configuration file says, without running it.
import { loadConfig } from '../../config/load.js';
import { PealErrors } from '../errors.js';
import { planFrom } from '../index.js';
import { planDaemon } from '../kernel/plan.js';
import { resolvePlugin } from '../kernel/resolve.js';
import { formatTree, optionLines, plannedTree } from '../kernel/tree.js';
import { columns, type Terminal } from './terminal.js';

/** Every error of the file at once, each with line and remedy. Rejects with all of them. */
export async function checkConfig(file: string, name: string | undefined, terminal: Terminal): Promise<void> {
  const { tree, errors } = loadConfig({ file, name, identity: false });
  const planned = await planDaemon(tree, resolvePlugin);
  const all = [...errors, ...planned.errors].sort((a, b) => (a.at?.line ?? 0) - (b.at?.line ?? 0));
  if (all.length > 0) throw new PealErrors(all);
  terminal.print(`${file}: good, ${tree.list.length} daemon(s), ${tree.sections.length} plugin section(s)`);
}

/** Effective values of everything, and where each came from. */
export async function explainConfig(
  file: string | undefined,
  name: string | undefined,
  terminal: Terminal,
): Promise<void> {
  const plan = await planFrom({ file, name });
  const { tree } = plan;
  terminal.print(`; ${tree.file ?? 'no file: defaults'}, relative to ${tree.folder}`);
  terminal.print('[daemon]');
  for (const { name: key, value, from } of optionLines(tree.effective))
    terminal.print(`  ${key} = ${value}   ; ${from}`);
  terminal.print(`; daemon list, hash ${tree.listHash.toString(16).padStart(8, '0')}`);
  const rows = tree.list.map((d) => [
    `  ${d.name}`,
    d.host,
    String(d.port),
    d.place === tree.self ? '; this daemon' : '',
  ]);
  for (const line of columns(rows)) terminal.print(line);
  terminal.print(formatTree(plannedTree(plan)));
}

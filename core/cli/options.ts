// `peal options`: the options of a section, from the same table that reads the file and makes the reference page.
import { DAEMON_OPTIONS, PEER_OPTIONS } from '../../config/options.js';
import { CLI_ERRORS, PealError } from '../errors.js';
import { builtInNames, loadBuiltIn } from '../kernel/resolve.js';
import { PLUGIN_KINDS } from '../plugin/define.js';
import { expectedOf, formatValue } from '../plugin/option-values.js';
import type { OptionTable } from '../plugin/options.js';
import { columns, type Terminal } from './terminal.js';

interface Described {
  readonly section: string;
  readonly doc: string;
  readonly table: OptionTable;
}

async function sections(): Promise<readonly Described[]> {
  const found: Described[] = [
    { section: 'daemon', doc: 'What is common to all daemons of the file.', table: DAEMON_OPTIONS },
    { section: 'peer.NAME', doc: 'One daemon of the cluster; their order counts.', table: PEER_OPTIONS },
  ];
  for (const kind of PLUGIN_KINDS)
    for (const name of builtInNames(kind)) {
      const { doc, options, inner = {} } = await loadBuiltIn(kind, name);
      found.push({ section: `${kind}.${name}`, doc, table: options });
      for (const [word, row] of Object.entries(inner))
        found.push({ section: `${kind}.${name}/${word}.NAME`, doc: row.doc, table: row.options });
    }
  return found;
}

/** All sections with what they are, or one of them with its options. */
export async function showOptions(wanted: string | undefined, terminal: Terminal): Promise<void> {
  const all = await sections();
  if (wanted === undefined) {
    for (const line of columns(all.map(({ section, doc }) => [`[${section}]`, doc]))) terminal.print(line);
    return;
  }
  const one = all.find(({ section }) => section === wanted || (wanted === 'peer' && section === 'peer.NAME'));
  if (one === undefined) {
    const known = all.map(({ section }) => section).join(', ');
    throw PealError.of(CLI_ERRORS.USAGE, { detail: `no section '${wanted}'; there are: ${known}` });
  }
  terminal.print(`[${one.section}]  ${one.doc}`);
  for (const [name, row] of Object.entries(one.table)) {
    const given = row.default === undefined ? (row.required ? 'required' : 'no default') : formatValue(row.default);
    terminal.print(`  ${name} = ${given}`);
    terminal.print(`      ${row.doc} ${expectedOf(row)}.`);
  }
}

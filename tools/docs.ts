// `npm run docs`: the reference pages that are made from tables, docs/options.md and docs/errors.md. A test compares the
// committed pages with what this makes.
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { DAEMON_OPTIONS, PEER_OPTIONS } from '../config/options.js';
import { CORE_ERROR_TABLES, type ErrorTable } from '../core/errors.js';
import { builtInNames, loadBuiltIn } from '../core/kernel/resolve.js';
import { PLUGIN_KINDS } from '../core/plugin/define.js';
import { expectedOf, formatValue } from '../core/plugin/option-values.js';
import type { OptionTable } from '../core/plugin/options.js';

const MADE = '<!-- Made by `npm run docs` from the tables in the code. Change those, not this page. -->';

/** Text of a table cell: no bar of its own. */
function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}

function optionSection(title: string, doc: string, table: OptionTable): string {
  const rows = Object.entries(table).map(([name, row]) => {
    const given =
      row.default === undefined ? (row.required === true ? '(required)' : '(none)') : formatValue(row.default);
    const live = row.live === true ? ' Can change while the daemon runs.' : '';
    return `| \`${name}\` | ${cell(given) || '(empty)'} | ${cell(expectedOf(row))} | ${cell(row.doc)}${live} |`;
  });
  const body =
    rows.length === 0
      ? 'No options.'
      : ['| option | default | value | meaning |', '|---|---|---|---|', ...rows].join('\n');
  return `## [${title}]\n\n${doc}\n\n${body}\n`;
}

/** docs/options.md */
export async function optionsPage(): Promise<string> {
  const parts = [
    `# Options\n\n${MADE}\n\nEvery section of a configuration file with its options. \`peal options SECTION\` prints the same.\nDurations take \`250\`, \`250 ms\`, \`5 s\`, \`2 min\`; sizes \`65536\`, \`64 KiB\`, \`16 MiB\`.\n`,
    optionSection('daemon', 'What is common to all daemons of the file.', DAEMON_OPTIONS),
    optionSection(
      'peer.NAME',
      'One daemon of the cluster; their order in the file is the order of members.',
      PEER_OPTIONS,
    ),
  ];
  for (const kind of PLUGIN_KINDS)
    for (const name of builtInNames(kind)) {
      const { doc, options, inner = {} } = await loadBuiltIn(kind, name);
      parts.push(optionSection(`${kind}.${name}`, doc, options));
      for (const [word, row] of Object.entries(inner))
        parts.push(optionSection(`${kind}.${name}/${word}.NAME`, row.doc, row.options));
    }
  return parts.join('\n');
}

/** All error tables, the core's first. */
export async function errorTables(): Promise<readonly { title: string; table: ErrorTable }[]> {
  const tables = [...CORE_ERROR_TABLES];
  for (const kind of PLUGIN_KINDS)
    for (const name of builtInNames(kind)) {
      const { errors } = await loadBuiltIn(kind, name);
      if (errors !== undefined) tables.push({ title: `[${kind}.${name}]`, table: errors });
    }
  return tables;
}

/** docs/errors.md */
export async function errorsPage(): Promise<string> {
  const parts = [
    `# Errors\n\n${MADE}\n\nEvery coded error: what is said, with \`{names}\` filled in, and what to do. An error of a file begins with \`FILE:LINE:\`.\n`,
  ];
  for (const { title, table } of await errorTables()) {
    const rows = Object.values(table).map((e) => `| \`${e.code}\` | ${cell(e.message)} | ${cell(e.remedy)} |`);
    parts.push(`## ${title}\n\n${['| code | message | what to do |', '|---|---|---|', ...rows].join('\n')}\n`);
  }
  return parts.join('\n');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync('docs/options.md', await optionsPage());
  writeFileSync('docs/errors.md', await errorsPage());
  console.log('docs/options.md and docs/errors.md written');
}

// Checks what definePlugin was given. TypeScript says the same to whoever uses it; plugins in plain JavaScript learn here
// what is wrong, before anything of them runs.
import { PealError, PLUGIN_ERRORS } from '../errors.js';
import { API_VERSION, type Plugin, PLUGIN_KINDS, type PluginKind, type Seam } from '../plugin/define.js';
import { formatValue, parseValue } from '../plugin/option-values.js';
import type { OptionRow } from '../plugin/options.js';

const PLUGIN_NAME = /^[a-z0-9][a-z0-9-]*$/;
const OPTION_NAME = /^[a-z][a-z0-9_]*$/;

/** Throws a coded error for the first thing that is wrong with a definition. */
export function checkDefinition(plugin: Plugin, title: string): void {
  const detail = faultOf(plugin);
  if (detail !== undefined) throw PealError.of(PLUGIN_ERRORS.DEFINITION, { plugin: title, detail });
  if (!apiFits(plugin.api, API_VERSION))
    throw PealError.of(PLUGIN_ERRORS.API, { plugin: title, wanted: plugin.api, have: API_VERSION });
}

/** Does a range `^1` or `^1.2` contain that version? Anything else does not. */
export function apiFits(range: string, version: string): boolean {
  const wanted = /^\^(\d+)(?:\.(\d+))?(?:\.\d+)?$/.exec(range);
  if (wanted === null) return false;
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return Number(wanted[1]) === major && Number(wanted[2] ?? 0) <= minor;
}

function faultOf(plugin: Plugin): string | undefined {
  if (!PLUGIN_KINDS.includes(plugin.kind)) return `its kind is none of ${PLUGIN_KINDS.join(', ')}`;
  if (typeof plugin.name !== 'string' || !PLUGIN_NAME.test(plugin.name)) return 'its name is not of a-z, 0-9 and -';
  if (typeof plugin.api !== 'string') return 'api is missing';
  if (plugin.kind === 'link' && plugin.seam !== 'medium' && plugin.seam !== 'link')
    return "a link needs seam: 'medium' or 'link'";
  if ((typeof plugin.create === 'function') === (typeof plugin.class === 'function'))
    return 'it needs either create or class';
  if (typeof plugin.options !== 'object') return 'options is missing (an empty table will do)';
  for (const [name, row] of Object.entries(plugin.options)) {
    const fault = rowFault(name, row);
    if (fault !== undefined) return `option '${name}': ${fault}`;
  }
  for (const [kind, { options, doc }] of Object.entries(plugin.inner ?? {})) {
    if (!/^[a-z][a-z0-9]*$/.test(kind)) return `inner section '${kind}': its name is not of a-z and 0-9`;
    if (typeof doc !== 'string' || !doc.endsWith('.')) return `inner section '${kind}': doc must be a sentence`;
    for (const [name, row] of Object.entries(options)) {
      const fault = rowFault(name, row);
      if (fault !== undefined) return `option '${name}' of inner section '${kind}': ${fault}`;
    }
  }
  return undefined;
}

const TYPES: readonly OptionRow['type'][] = [
  'string',
  'int',
  'port',
  'duration',
  'bytes',
  'bool',
  'enum',
  'list',
  'path',
  'address',
];

function rowFault(name: string, row: OptionRow): string | undefined {
  if (!OPTION_NAME.test(name)) return 'its name is not snake_case';
  if (!TYPES.includes(row.type)) return `type is none of ${TYPES.join(', ')}`;
  if (typeof row.doc !== 'string' || !row.doc.endsWith('.')) return 'doc must be a sentence with a final period';
  if (row.type === 'duration' && !name.endsWith('_ms')) return 'a duration is named with its unit, _ms';
  if (row.type === 'bytes' && !name.endsWith('_bytes')) return 'a size is named with its unit, _bytes';
  if (row.default === undefined) return undefined;
  return parseValue(row, formatValue(row.default)).ok ? undefined : 'its default is not a legal value';
}

const METHODS: Readonly<Record<PluginKind | Seam, readonly string[]>> = {
  medium: ['open', 'peers', 'send', 'sever', 'close', 'describe'],
  link: ['install', 'submit', 'received', 'timer', 'writable', 'reconnected', 'flush', 'freeze', 'describe'],
  client: ['start', 'stop', 'addresses'],
  storage: ['space'],
  export: ['offer', 'stop'],
  service: ['start', 'stop'],
};

/** Methods that the contract asks for and this instance lacks. */
export function missingMethods(plugin: Plugin, instance: unknown): readonly string[] {
  const live = Object.values(plugin.options).some((row) => row.live === true);
  const wanted = [
    ...METHODS[plugin.kind === 'link' ? (plugin.seam ?? 'link') : plugin.kind],
    ...(live ? ['tune'] : []),
  ];
  if (typeof instance !== 'object' || instance === null) return wanted;
  return wanted.filter((name) => typeof (instance as Record<string, unknown>)[name] !== 'function');
}

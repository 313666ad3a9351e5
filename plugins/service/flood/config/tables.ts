// The three option tables of floodd: a site, a group, what is local. They are what `[service.flood]` and its parts read
// in an INI file, and the keywords of the S-expression language are made from their names, so that both languages say the
// same, with the same ranges and defaults (defaults of the original are lost; docs/floodd.md says which are ours).
import type { OptionRow, OptionTable } from 'peal/plugin';

const S = 1000;
const MIB = 1_048_576;
/** The longest period: timers of the system cannot be set for 25 days or more. */
const LONGEST_MS = 20 * 86_400 * S;

const period = (seconds: number, doc: string): { type: 'duration'; default: number; max: number; doc: string } => ({
  type: 'duration',
  default: seconds * S,
  max: LONGEST_MS,
  doc,
});

/** Longest name of a site or a group, bytes of UTF-8. */
export const MAX_NAME_BYTES = 64;

/** A site, as every other site may know it. Its name stands in the title of its part, or in `:site-name`. */
export const SITE_TABLE = {
  hostname: {
    type: 'string',
    required: true,
    maxLength: 255,
    doc: 'Its host; a domain name, or what only some can resolve.',
  },
  inet_address: { type: 'string', maxLength: 45, doc: 'IPv4 or IPv6 address of the host, tried before its name.' },
  client_port: { type: 'port', required: true, doc: 'Port for text commands of clients.' },
  data_port: { type: 'port', required: true, doc: 'Port for other sites.' },
  longitude: { type: 'string', maxLength: 20, doc: 'Degrees, with a fraction; east is positive.' },
  latitude: { type: 'string', maxLength: 20, doc: 'Degrees, with a fraction; north is positive.' },
} as const satisfies OptionTable;

/** A group. Its name stands in the title of its part, or in `:group-name`. */
export const GROUP_TABLE = {
  sites: { type: 'list', doc: 'Its known members; at least one.' },
  master_site: { type: 'string', doc: 'Its master; without it the first of `sites`.' },
  connectivity: {
    type: 'int',
    default: 2,
    min: 1,
    max: 16,
    unit: 'disjoint ways',
    doc: 'One less than so many sites may die and the others still reach each other; only the master looks at it.',
  },
  topology_generator: {
    type: 'string',
    doc: 'Command that computes the topology for the master; without it the generator built in does.',
  },
  update_period_ms: period(120, 'How often the master computes the topology anew; 0: never by itself.'),
  join_period_ms: period(60, 'How often a join request is sent; 0: at start only.'),
  ping_period_ms: period(15, 'How often one member, drawn by lot, is asked for its round-trip time; 0: never.'),
  bandwidth_period_ms: period(60, 'How often bandwidth to one member, drawn by lot, is measured; 0: never.'),
  estimates_period_ms: period(30, 'How often own measurements are told to the group; 0: never.'),
  allow_sites: { type: 'list', doc: 'Networks that may take part: 18.0.0.0 by its class, or 10.1.0.0/16.' },
  deny_sites: { type: 'list', doc: 'Networks that may not take part.' },
  down_period_ms: {
    type: 'duration',
    min: 1,
    max: LONGEST_MS,
    doc: 'A site unheard for that long is down. Default: three times the longer of ping and estimates period.',
  },
  bandwidth_size_bytes: { type: 'bytes', default: 65_536, min: 1, max: 16 * MIB, doc: 'Size of one bandwidth probe.' },
} as const satisfies OptionTable;

/** What concerns this site only. The defaults are in settings.ts, since a line of the INI file goes before floodd's own file. */
export const LOCAL_TABLE = {
  data_storage_max_bytes: {
    type: 'bytes',
    min: 1,
    max: 1024 * 1024 * MIB,
    doc: 'Most memory for updates on their way; when it is full, some are dropped. Default: 16 MiB.',
  },
  log_purge_period_ms: {
    type: 'duration',
    max: LONGEST_MS,
    doc: 'How often the log of updates seen is purged; 0: never. Default: 1 h.',
  },
  site_purge_period_ms: {
    type: 'duration',
    max: LONGEST_MS,
    doc: 'A site unheard for that long is forgotten, with what waits for it; 0: never. Default: 10 min.',
  },
  export_local: { type: 'bool', doc: 'Export also what clients of this very site hand in? Default: true.' },
  update_max_bytes: {
    type: 'bytes',
    min: 1,
    max: 64 * MIB,
    doc: 'Largest update. Default: 4 MiB, or half of data_storage_max_bytes if that is less.',
  },
  resync_command: { type: 'string', doc: 'Command that is run when this site and another are found to differ.' },
  resync_serve_command: {
    type: 'string',
    doc: 'Command that serves a channel opened by the resync command of another site.',
  },
  admin_sites: { type: 'list', doc: 'Networks that may use terminate and update. Default: the loopback ones.' },
} as const satisfies OptionTable;

/** What the S-expression language says of the export command; in an INI file [export.command] does. */
export const EXPORT_TABLE = {
  export_command: {
    type: 'string',
    doc: 'Command that gets updates on its standard input; without it they are dropped.',
  },
  export_timeout_ms: period(300, 'A run that takes longer is ended; 0: never.'),
  export_retry: {
    type: 'int',
    default: 3,
    min: 0,
    max: 1000,
    unit: 'attempts',
    doc: 'More attempts after a failed run.',
  },
  export_bundle_max_bytes: { type: 'bytes', default: MIB, min: 1, max: 64 * MIB, doc: 'Most bytes in one run.' },
} as const satisfies OptionTable;

/** Keywords that do not follow from the name of their option. */
const OWN_WORDS: Readonly<Record<string, string>> = {
  sites: ':site',
  allow_sites: ':allow-site',
  deny_sites: ':deny-site',
  admin_sites: ':admin-site',
};

/** Spellings beside the first one; the original writes the latitude with two t. */
const OTHER_WORDS: Readonly<Record<string, string>> = { ':lattitude': ':latitude' };

/** `ping_period_ms` is `:ping-period`: the unit of a keyword is in the language, not in its name. */
export function keywordOf(option: string): string {
  return OWN_WORDS[option] ?? `:${option.replace(/_(ms|bytes)$/, '').replaceAll('_', '-')}`;
}

/** What stands behind a keyword. */
export interface Known {
  readonly option: string;
  readonly row: OptionRow;
}

/** The keywords of a table, all spellings. */
export function keywordsOf(table: OptionTable): ReadonlyMap<string, Known> {
  const known = new Map<string, Known>();
  for (const [option, row] of Object.entries(table)) known.set(keywordOf(option), { option, row });
  for (const [spelling, first] of Object.entries(OTHER_WORDS)) {
    const same = known.get(first);
    if (same !== undefined) known.set(spelling, same);
  }
  return known;
}

// The option tables of the sections that belong to no plugin: [daemon] and [peer.NAME]. From them come parsing, --help
// and docs/options.md, as from a plugin's own table. Values of plugin sections are read by the kernel with theirs.
import { LOG_LEVELS } from '../core/plugin/ports.js';
import type { OptionTable } from '../core/plugin/options.js';

/** Port of the binary API when nothing else is said: Spread's. */
export const DEFAULT_CLIENT_PORT = 4803;
/** Port of the link when nothing else is said; as Spread's daemons, next to the clients' one. */
export const DEFAULT_LINK_PORT = 4804;
/** Peers in one file: the limit keeps a slip of the pen from costing memory for every pair. */
export const MAX_PEERS = 1024;

const KIB = 1024;
const MIB = 1024 * KIB;

/** [daemon]: what is common to all daemons of the file. */
export const DAEMON_OPTIONS = {
  state_dir: {
    type: 'path',
    default: './state',
    doc: 'Folder for control sockets and storage; each daemon has a folder of its name in it.',
  },
  max_sessions: {
    type: 'int',
    default: 10_000,
    min: 1,
    max: 1_000_000,
    unit: 'sessions',
    doc: 'Sessions of all client APIs together.',
  },
  max_message_bytes: {
    type: 'bytes',
    default: 143_952,
    min: 4 * KIB,
    max: 64 * MIB,
    doc: 'Largest message: 32 bytes for each group named plus the data.',
  },
  backlog_bytes: {
    type: 'bytes',
    default: 4 * MIB,
    min: 64 * KIB,
    max: 1024 * MIB,
    doc: 'Bytes from clients waiting for their place in the order at which clients are no longer read.',
  },
  silence_limit_ms: {
    type: 'duration',
    default: 500,
    min: 50,
    max: 60_000,
    doc: 'A daemon unheard for that long is suspected; one that takes no more of what others send, after some four seconds at the latest.',
  },
  pack_bytes: {
    type: 'bytes',
    default: 0,
    min: 0,
    max: 4 * MIB,
    doc: 'Largest unit sent between daemons; 0: what the link carries.',
  },
  start_limit_ms: {
    type: 'duration',
    default: 10_000,
    min: 100,
    max: 600_000,
    doc: 'Time that one plugin may take to start.',
  },
  stop_limit_ms: {
    type: 'duration',
    default: 5000,
    min: 100,
    max: 600_000,
    doc: 'Time that one plugin may take to stop.',
  },
  leave_limit_ms: {
    type: 'duration',
    default: 2000,
    min: 100,
    max: 60_000,
    doc: 'Time that a clean leave may take before the daemon stops without it.',
  },
  log_level: { type: 'enum', values: LOG_LEVELS, default: 'info', doc: 'How much is logged.' },
  log_file: { type: 'path', doc: 'File that the log is appended to; without it standard error.' },
} as const satisfies OptionTable;

/** [peer.NAME]: one daemon of the cluster. The order of these sections is the order of daemons everywhere. */
export const PEER_OPTIONS = {
  address: {
    type: 'string',
    required: true,
    maxLength: 45,
    doc: 'IPv4 or IPv6 address of its link.',
  },
  link_port: { type: 'port', default: DEFAULT_LINK_PORT, min: 1, doc: 'Port of its link.' },
  client_port: {
    type: 'port',
    default: DEFAULT_CLIENT_PORT,
    doc: 'For ${peer.client_port} in the sections of client APIs.',
  },
} as const satisfies OptionTable;

// The options of [client.binary] (README.md). Units and ranges are checked by the SDK; what rows mean together is
// checked in index.ts.
import type { OptionTable } from 'peal/plugin';
import { DEFAULT_MAX_MESSAGE_BYTES } from 'peal/plugin';

const MIB = 1024 * 1024;

export const OPTIONS = {
  port: { type: 'port', default: 4803, doc: 'TCP port of the clients; the Unix socket is named after it.' },
  host: {
    type: 'list',
    default: ['127.0.0.1'],
    maxItems: 64,
    doc: 'Addresses to listen on; none of them, with the one word off, leaves the Unix socket alone.',
  },
  unix_socket: {
    type: 'string',
    default: '/tmp/',
    doc: 'Path of the Unix socket; ending in / it is the folder of a socket named after the port, as clients expect it; off for none.',
  },
  max_message_bytes: {
    type: 'bytes',
    default: DEFAULT_MAX_MESSAGE_BYTES,
    min: 4096,
    max: 64 * MIB,
    doc: 'Largest 32 * destinations + data of one message; clients of the peer take no more than the default.',
  },
  handshake_timeout_ms: {
    type: 'duration',
    default: 10_000,
    min: 10,
    max: 600_000,
    doc: 'A client that has not finished its handshake by then is disconnected.',
  },
  max_handshakes: {
    type: 'int',
    default: 1024,
    min: 1,
    unit: 'connections',
    doc: 'Connections that may be in their handshake at one time; more are refused.',
  },
  slow_reader: {
    type: 'enum',
    values: ['kick', 'block', 'spill'],
    default: 'kick',
    doc: 'What happens when a client does not read: it is disconnected, the senders wait, or its messages go to storage.',
  },
  max_session_messages: {
    type: 'int',
    default: 1000,
    min: 1,
    unit: 'messages',
    doc: 'Messages queued for one client before it is a slow reader; MaxSessionMessages of the peer.',
  },
  max_session_bytes: {
    type: 'bytes',
    default: 0,
    doc: 'Bytes of memory kept for one client before it is a slow reader; 0: only messages are counted.',
  },
  block_limit_ms: {
    type: 'duration',
    default: 5000,
    min: 1,
    doc: 'With slow_reader = block: a reader that stays slow for that long is disconnected.',
  },
  storage: { type: 'string', doc: 'With slow_reader = spill: name of the storage section that takes the messages.' },
  allowed_auth: {
    type: 'list',
    default: ['NULL'],
    maxItems: 3,
    values: ['NULL', 'IP', 'PWORD'],
    doc: 'Methods a client may choose; AllowedAuthMethods of the peer.',
  },
  required_auth: {
    type: 'list',
    default: [],
    maxItems: 3,
    values: ['NULL', 'IP', 'PWORD'],
    doc: 'Methods that are checked whatever the client chose; RequiredAuthMethods of the peer.',
  },
  access_ip_file: {
    type: 'path',
    doc: 'Rules of method IP; without it spread.access_ip in the working directory, then in /etc.',
  },
  access_pword_file: {
    type: 'path',
    doc: 'Users and passwords of method PWORD; without it spread.access_pword in the working directory, then in /etc.',
  },
  old_client_views: {
    type: 'bool',
    default: false,
    doc: 'Clients before 4.0.0 get membership frames in their own layout; the peer sends them the new one.',
  },
} as const satisfies OptionTable;

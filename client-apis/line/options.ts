// The options of [client.line] (README.md).
import type { OptionTable } from 'peal/plugin';

export const OPTIONS = {
  port: {
    type: 'port',
    doc: 'TCP port; without it the port of the service, which for floodd is its :client-port, else 4805.',
  },
  host: {
    type: 'list',
    maxItems: 64,
    doc: 'Addresses to listen on; without it where the service listens (floodd: as its data port), else 127.0.0.1.',
  },
  service: { type: 'string', doc: 'Name of the service whose commands are offered; default: the only one, if any.' },
  groups: { type: 'bool', default: true, doc: 'Offers the commands for ordered groups.' },
  greeting: { type: 'string', default: '', doc: 'Text behind 220; empty: that of the service, or name and version.' },
  greeting_wait_ms: {
    type: 'duration',
    default: 50,
    max: 10_000,
    doc: 'The greeting waits that long for a first line: browsers, which get a page, speak first; 0: it does not wait.',
  },
  prompt: { type: 'string', default: '', maxLength: 64, doc: 'Written, without a line end, when a command may come.' },
  replies: {
    type: 'enum',
    values: ['numbered', 'plain'],
    default: 'numbered',
    doc: 'Replies with three digits for programs, or without for consoles.',
  },
  max_connections: {
    type: 'int',
    default: 64,
    min: 1,
    max: 65_536,
    unit: 'connections',
    doc: 'Open at one time; the next is answered 421 and closed.',
  },
  idle_limit_ms: {
    type: 'duration',
    default: 600_000,
    doc: 'A client that sends nothing for that long is closed, unless it is a member of a group; 0: never.',
  },
  upload_limit_ms: {
    type: 'duration',
    default: 120_000,
    doc: 'The same in the middle of an upload; 0: never.',
  },
  slow_reader: {
    type: 'enum',
    values: ['kick', 'block'],
    default: 'kick',
    doc: 'What happens when a client does not read its messages: it is disconnected, or the senders wait.',
  },
  max_session_messages: {
    type: 'int',
    default: 1000,
    min: 1,
    unit: 'messages',
    doc: 'Messages and views that may wait for one client.',
  },
  block_limit_ms: {
    type: 'duration',
    default: 5000,
    min: 1,
    doc: 'With slow_reader = block: a reader that stays slow for that long is disconnected.',
  },
} as const satisfies OptionTable;

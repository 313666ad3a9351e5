// data and binary: what a client floods (docs/floodd.md). Without a group an update is for all groups of the site. Pure.
import type { NeedBytes, Reply, Step, TextCommand } from 'peal/plugin';
import type { FloodService, SubmitRefusal } from '../service.js';
import { Code, nameField, noGroup, STOPPING } from './text.js';

/** A client that announces more than this is not read to the end: the connection is closed. Bytes. */
const MAX_ANNOUNCED_BYTES = 1_073_741_824;

function refusal(flood: FloodService, why: SubmitRefusal, group: string | undefined): Reply {
  switch (why) {
    case 'no-group':
      return noGroup(group ?? '');
    case 'empty':
      return { code: Code.BAD_ARGUMENT, text: 'an update has at least one byte' };
    case 'too-large':
      return tooLarge(flood);
    case 'full':
      return { code: Code.FULL, text: 'the storage is full' };
    case 'stopping':
      return STOPPING;
  }
}

function tooLarge(flood: FloodService): Reply {
  return { code: Code.TOO_LARGE, text: `an update has at most ${flood.updateMaxBytes} bytes` };
}

async function submit(flood: FloodService, bytes: Uint8Array, group: string | undefined): Promise<Reply> {
  const { length } = bytes;
  const id = await flood.submit(bytes, group);
  if (typeof id === 'string') return refusal(flood, id, group);
  return { code: Code.DONE, text: `${nameField(id.origin)} ${id.incarnation} ${id.sequence} ${length}` };
}

function isKnown(flood: FloodService, group: string | undefined): boolean {
  return group === undefined || flood.groups().some(({ name }) => name === group);
}

function data(flood: FloodService, group: string | undefined): Step {
  if (!isKnown(flood, group)) return noGroup(group!);
  return {
    need: 'lines',
    reply: { code: Code.SEND_LINES, text: 'send the data, end with a line that holds a single dot' },
    limitBytes: flood.updateMaxBytes,
    tooLarge: tooLarge(flood),
    take: (bytes) => submit(flood, bytes, group),
  };
}

function binary(flood: FloodService, size: string, group: string | undefined): Step {
  const count = /^\d{1,16}$/.test(size) ? Number(size) : 0;
  if (count < 1) return { code: Code.BAD_ARGUMENT, text: 'the size is a number of bytes, at least 1' };
  if (count > MAX_ANNOUNCED_BYTES) return { ...tooLarge(flood), close: true };
  // The bytes are on their way already: whatever the answer will be, they are not commands.
  const need = (limitBytes: number, otherwise: Reply): NeedBytes => ({
    need: 'bytes',
    count,
    limitBytes,
    tooLarge: otherwise,
    take: (bytes) => submit(flood, bytes, group),
  });
  return isKnown(flood, group) ? need(flood.updateMaxBytes, tooLarge(flood)) : need(0, noGroup(group!));
}

export function floodCommands(flood: FloodService): readonly TextCommand[] {
  return [
    {
      name: 'data',
      usage: '[group-name]',
      arguments: [0, 1],
      help: 'flood lines of text, up to a line with a single dot',
      details: [
        '354, then your lines; a line that begins with a dot needs one more in front. Then',
        '250 <origin> <incarnation> <sequence> <bytes>. Without a group the update is for all groups of this site.',
      ],
      run: ({ args }) => data(flood, args[0]),
    },
    {
      name: 'binary',
      usage: '<size> [group-name]',
      arguments: [1, 2],
      help: 'flood the size bytes after the newline',
      details: ['250 <origin> <incarnation> <sequence> <bytes>. The next command begins right after the last byte.'],
      run: ({ args }) => binary(flood, args[0]!, args[1]),
    },
  ];
}

// The language of `peal user`: one command a line, long words and the letters of the peer's own test program. Pure.
import { LEVELS, type Level } from '../client-apis/binary/client/index.js';

export type UserCommand =
  | { readonly do: 'join' | 'leave'; readonly groups: readonly string[] }
  /** `text` undefined: the next line is the message. */
  | { readonly do: 'send'; readonly groups: readonly string[]; readonly text: string | undefined }
  | { readonly do: 'burst'; readonly groups: readonly string[]; readonly count: number; readonly bytes: number }
  | { readonly do: 'level'; readonly level: Level | undefined }
  | { readonly do: 'type'; readonly type: number }
  | { readonly do: 'discard' | 'show'; readonly on: boolean }
  | { readonly do: 'wait'; readonly for: 'message' | 'view' | 'event'; readonly count: number }
  | { readonly do: 'sleep'; readonly ms: number }
  | { readonly do: 'receive' | 'poll' | 'groups' | 'me' | 'help' | 'quit' | 'nothing' }
  | { readonly do: 'who'; readonly group: string };

const MOST_BYTES = 64 * 1024 * 1024;

/** What is said wrong; the text names the command and how it goes. */
export class CommandError extends Error {}

interface Entry {
  readonly words: readonly string[];
  readonly usage: string;
  readonly help: string;
  read(rest: readonly string[], raw: string): UserCommand;
}

function number(text: string | undefined, low: number, high: number): number {
  const n = Number(text);
  if (text === undefined || !Number.isInteger(n) || n < low || n > high)
    throw new CommandError(`a number from ${low} to ${high}`);
  return n;
}

function groupsOf(words: readonly string[]): string[] {
  const groups = words.flatMap((w) => w.split(',')).filter((w) => w !== '');
  if (groups.length === 0) throw new CommandError('the name of a group');
  return groups;
}

function onOff(word: string | undefined): boolean {
  if (word !== 'on' && word !== 'off') throw new CommandError('on or off');
  return word === 'on';
}

const ENTRIES: readonly Entry[] = [
  {
    words: ['join', 'j'],
    usage: 'join GROUP...',
    help: 'become a member',
    read: (w) => ({ do: 'join', groups: groupsOf(w) }),
  },
  {
    words: ['leave', 'l'],
    usage: 'leave GROUP...',
    help: 'stop being one',
    read: (w) => ({ do: 'leave', groups: groupsOf(w) }),
  },
  {
    words: ['send', 's'],
    usage: 'send GROUP[,GROUP...] [TEXT]',
    help: 'to groups or private groups (#name#daemon); without TEXT the next line is sent',
    read: ([to, ...rest], raw) => ({
      do: 'send',
      groups: groupsOf(to === undefined ? [] : [to]),
      text: rest.length === 0 ? undefined : raw.replace(/^\S+\s+\S+\s/, ''),
    }),
  },
  {
    words: ['burst', 'b'],
    usage: 'burst GROUP[,GROUP...] [COUNT [BYTES]]',
    help: '10 messages of 100 bytes if it says nothing else',
    read: ([to, count = '10', bytes = '100']) => ({
      do: 'burst',
      groups: groupsOf(to === undefined ? [] : [to]),
      count: number(count, 1, 10_000_000),
      bytes: number(bytes, 0, MOST_BYTES),
    }),
  },
  {
    words: ['level'],
    usage: `level [${Object.keys(LEVELS).join('|')}]`,
    help: 'service level of what is sent from now on; without a word: which it is',
    read: ([word]) => {
      if (word !== undefined && !(word in LEVELS)) throw new CommandError(`one of ${Object.keys(LEVELS).join(', ')}`);
      return { do: 'level', level: word as Level | undefined };
    },
  },
  {
    words: ['type'],
    usage: 'type NUMBER',
    help: 'type of what is sent, -32768 to 32767',
    read: ([n]) => ({ do: 'type', type: number(n, -0x8000, 0x7fff) }),
  },
  {
    words: ['discard'],
    usage: 'discard on|off',
    help: 'do we receive what we send?',
    read: ([w]) => ({ do: 'discard', on: onOff(w) }),
  },
  {
    words: ['show', 'e', 'd'],
    usage: 'show on|off',
    help: 'print what comes as it comes (e: on, d: off), or wait for receive and poll',
    read: ([w], raw) => ({ do: 'show', on: /^[ed]\b/.test(raw) ? raw.startsWith('e') : onOff(w) }),
  },
  {
    words: ['receive', 'r'],
    usage: 'receive',
    help: 'wait for the next event and print it',
    read: () => ({ do: 'receive' }),
  },
  { words: ['poll', 'p'], usage: 'poll', help: 'how much waits to be received', read: () => ({ do: 'poll' }) },
  {
    words: ['who', 'w'],
    usage: 'who GROUP',
    help: 'members of a group, as last seen',
    read: ([g]) => ({ do: 'who', group: groupsOf(g === undefined ? [] : [g])[0]! }),
  },
  { words: ['groups', 'g'], usage: 'groups', help: 'groups we are in', read: () => ({ do: 'groups' }) },
  { words: ['me'], usage: 'me', help: 'our private group, our daemon', read: () => ({ do: 'me' }) },
  {
    words: ['wait'],
    usage: 'wait [COUNT] message|view|event',
    help: 'for scripts: go on when so many were printed since the last wait',
    read: (w) => {
      const what = w.at(-1) ?? 'event';
      if (what !== 'message' && what !== 'view' && what !== 'event') throw new CommandError('message, view or event');
      return { do: 'wait', for: what, count: w.length > 1 ? number(w[0], 1, 1_000_000_000) : 1 };
    },
  },
  {
    words: ['sleep'],
    usage: 'sleep MS',
    help: 'for scripts',
    read: ([n]) => ({ do: 'sleep', ms: number(n, 0, 3_600_000) }),
  },
  { words: ['help', 'h', '?'], usage: 'help', help: 'this list', read: () => ({ do: 'help' }) },
  { words: ['quit', 'q', 'exit'], usage: 'quit', help: 'end the session', read: () => ({ do: 'quit' }) },
];

/** Words that can begin a line. */
export const COMMAND_WORDS: readonly string[] = ENTRIES.map((e) => e.words[0]!);

/** Lines of help. */
export function helpLines(): string[] {
  const width = Math.max(...ENTRIES.map((e) => e.usage.length)) + 2;
  return ENTRIES.map(
    (e) => `  ${e.usage.padEnd(width)}${e.help}${e.words.length > 1 ? ` (${e.words.slice(1).join(', ')})` : ''}`,
  );
}

/** The command of a line. Throws CommandError. */
export function parseCommand(text: string): UserCommand {
  const raw = text.trimStart();
  const [word, ...rest] = raw.trimEnd().split(/\s+/);
  if (word === undefined || word === '' || word.startsWith('#')) return { do: 'nothing' };
  const entry = ENTRIES.find((e) => e.words.includes(word));
  if (!entry) throw new CommandError(`no command "${word}"; help shows all`);
  try {
    return entry.read(rest, raw);
  } catch (e) {
    if (e instanceof CommandError) throw new CommandError(`${entry.usage}: ${e.message} is needed`, { cause: e });
    throw e;
  }
}

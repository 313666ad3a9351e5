// Commands for ordered groups (docs/design/line.md, 4), for people with telnet and for shell scripts. Each speaks for the client's
// seat; what it causes shows as asynchronous lines.
import { isGroupName, MAX_GROUPS } from 'peal/plugin';
import type { Reply, Session, Step } from 'peal/plugin';
import type { LineCall } from './call.js';
import { LEVELS, type Level } from './events.js';
import type { Wanted } from './receive.js';
import { destinations } from './seat.js';
import type { Layer } from './table.js';

const SETTING = 217;
const MEMBERS = 218;
const JOINED = 219;
const SESSION = 230;
const DONE = 250;
const TIME_IS_UP = 251;
const SEND_LINES = 354;
const BAD_ARGUMENT = 501;
const NOT_A_MEMBER = 550;
const TOO_LARGE = 552;

const MAX_COUNT = 1_000_000_000;
const MAX_SECONDS = 86_400;
const TYPE_LOW = -0x8000;
const TYPE_HIGH = 0x7fff;
/** Largest announced upload that is read to its end and thrown away; beyond it the connection is closed. */
const MAX_THROWN_BYTES = 1_073_741_824;

function bad(text: string): Reply {
  return { code: BAD_ARGUMENT, text };
}

/** Does `what` with the session, which is opened if there is none. */
function withSession(call: LineCall, what: (session: Session) => Step): Step {
  const session = call.seat.open('');
  return 'code' in session ? session : what(session);
}

function session(call: LineCall): Reply {
  const opened = call.seat.open(call.args[0] ?? '');
  return 'code' in opened ? opened : { code: SESSION, text: opened.privateGroup };
}

function join(call: LineCall): Step {
  const illegal = call.args.find((group) => !isGroupName(group));
  if (illegal !== undefined) return bad(`${illegal} is no name of a group: 1 to 31 characters from $ to ~`);
  return withSession(call, (own) => {
    for (const group of call.args) call.seat.join(own, group);
    return { code: DONE, text: `joining ${call.args.join(' ')}` };
  });
}

function leave(call: LineCall): Step {
  const own = call.seat.session;
  const others = call.args.filter((group) => !call.seat.groups.includes(group));
  if (own === undefined || others.length > 0)
    return { code: NOT_A_MEMBER, text: `not a member of ${(own === undefined ? call.args : others).join(' ')}` };
  for (const group of call.args) call.seat.leave(own, group);
  return { code: DONE, text: `leaving ${call.args.join(' ')}` };
}

const NO_DESTINATIONS = `destinations are 1 to ${MAX_GROUPS} names with commas between`;
const tooLarge = (limit: number): Reply => ({ code: TOO_LARGE, text: `at most ${limit} bytes to so many groups` });

function send(call: LineCall): Step {
  const groups = destinations(call.args[0]!, call.quoted(0));
  if (groups === undefined) return bad(NO_DESTINATIONS);
  const { text } = call;
  return withSession(call, () => {
    const limitBytes = call.seat.largestBytes(groups.length);
    if (text !== undefined)
      return text.length > limitBytes ? tooLarge(limitBytes) : transmit(call, groups, new Uint8Array(text));
    return {
      need: 'lines',
      reply: { code: SEND_LINES, text: 'send lines, end with a line that holds a single dot' },
      limitBytes,
      tooLarge: tooLarge(limitBytes),
      take: (data) => transmit(call, groups, data),
    };
  });
}

function post(call: LineCall): Step {
  const groups = destinations(call.args[0]!, call.quoted(0));
  if (groups === undefined) return bad(NO_DESTINATIONS);
  const count = wholeNumber(call.args[1]!, 0, Number.MAX_SAFE_INTEGER);
  if (count === undefined) return bad('the size is a number of bytes');
  return withSession(call, () => {
    const limitBytes = call.seat.largestBytes(groups.length);
    if (count > MAX_THROWN_BYTES) return { ...tooLarge(limitBytes), close: true };
    if (count === 0) return transmit(call, groups, new Uint8Array(0));
    return {
      need: 'bytes',
      count,
      limitBytes,
      tooLarge: tooLarge(limitBytes),
      take: (data) => transmit(call, groups, data),
    };
  });
}

/** The session may have ended while the data came. */
function transmit(call: LineCall, groups: readonly string[], data: Uint8Array): Step {
  return withSession(call, (own) => {
    call.seat.send(own, groups, data);
    return { code: DONE, text: `${call.seat.level} ${data.length} ${groups.join(',')}` };
  });
}

function members({ args, seat }: LineCall): Reply {
  const group = args[0]!;
  const known = seat.members(group);
  if (known === undefined) return { code: NOT_A_MEMBER, text: `no view of ${group}: join it first` };
  const self = seat.session?.privateGroup;
  const lines = known.map((member) => (member === self ? `${member} self` : member));
  return { code: MEMBERS, lines, text: `${known.length} members` };
}

function joined({ seat }: LineCall): Reply {
  const lines = seat.groups.map((group) => `${group} ${seat.members(group)?.length ?? '-'}`);
  return { code: JOINED, lines, text: `${lines.length} groups` };
}

function level({ args, seat }: LineCall): Reply {
  const wanted = args[0]?.toLowerCase();
  if (wanted !== undefined && !isLevel(wanted)) return bad(`the levels are ${LEVELS.join(', ')}`);
  if (wanted !== undefined) seat.level = wanted;
  return { code: SETTING, text: `level ${seat.level}` };
}

function isLevel(word: string): word is Level {
  return (LEVELS as readonly string[]).includes(word);
}

function type({ args, seat }: LineCall): Reply {
  const wanted = args[0] === undefined ? seat.type : wholeNumber(args[0], TYPE_LOW, TYPE_HIGH);
  if (wanted === undefined) return bad(`a type is a number from ${TYPE_LOW} to ${TYPE_HIGH}`);
  seat.type = wanted;
  return { code: SETTING, text: `type ${seat.type}` };
}

function discard({ args, seat }: LineCall): Reply {
  const wanted = args[0]?.toLowerCase();
  if (wanted !== undefined && wanted !== 'on' && wanted !== 'off') return bad('on or off');
  if (wanted !== undefined) seat.discard = wanted === 'on';
  return { code: SETTING, text: `discard ${seat.discard ? 'on' : 'off'}` };
}

function format({ args, seat }: LineCall): Reply {
  const wanted = args[0]?.toLowerCase();
  if (wanted !== undefined && wanted !== 'text' && wanted !== 'binary') return bad('text or binary');
  if (wanted !== undefined) seat.form = wanted;
  return { code: SETTING, text: `format ${seat.form}` };
}

const RECEIVE_USAGE = 'on, off, or [count] [messages|views|events] [within seconds]';

function receive({ args, seat }: LineCall): Step | Promise<Step> {
  const words = args.map((word) => word.toLowerCase());
  const [first] = words;
  if (words.length === 1 && (first === 'on' || first === 'off')) {
    seat.receiving(first === 'on');
    return { code: DONE, text: `receive ${first}` };
  }
  const wish = readWish(words);
  if (wish === undefined) return bad(RECEIVE_USAGE);
  return seat
    .receive(wish.count, wish.wanted, wish.withinMs)
    .then(({ given, late }) => ({ code: late ? TIME_IS_UP : DONE, text: `${given} events` }));
}

interface Wish {
  readonly count: number;
  readonly wanted: Wanted;
  readonly withinMs: number | undefined;
}

function readWish(words: readonly string[]): Wish | undefined {
  let left = [...words];
  let count: number | undefined = 1;
  let wanted: Wanted = 'events';
  let withinMs: number | undefined;
  if (/^\d/.test(left[0] ?? '')) count = wholeNumber(left.shift()!, 1, MAX_COUNT);
  const kind = left[0]?.replace(/s?$/, 's');
  if (kind === 'messages' || kind === 'views' || kind === 'events') {
    wanted = kind;
    left = left.slice(1);
  }
  if (left[0] === 'within' && left.length === 2) {
    const seconds = Number(left[1]);
    if (!(seconds >= 0 && seconds <= MAX_SECONDS)) return undefined;
    withinMs = Math.round(seconds * 1000);
    left = [];
  }
  return count === undefined || left.length > 0 ? undefined : { count, wanted, withinMs };
}

/** Digits only, with a sign where the range has one. */
function wholeNumber(word: string, low: number, high: number): number | undefined {
  if (!/^[+-]?\d{1,16}$/.test(word)) return undefined;
  const number = Number(word);
  return number >= low && number <= high ? number : undefined;
}

/** A setting is shown without a word and changed with one. */
const SETTING_ARGUMENTS = [0, 1] as const;

export const GROUP_COMMANDS: Layer = {
  title: 'Ordered groups',
  commands: [
    {
      name: 'session',
      usage: '[name]',
      arguments: [0, 1],
      help: 'take part under that name, or one the daemon makes up',
      details: ['Answer: 230 and your private group, by which others can send to you alone.'],
      run: session,
    },
    {
      name: 'join',
      usage: '<group>...',
      arguments: [1, MAX_GROUPS],
      help: 'become a member',
      details: ['You are one when a line * view <group> join with your private group comes.'],
      run: join,
    },
    { name: 'leave', usage: '<group>...', arguments: [1, MAX_GROUPS], help: 'stop being a member', run: leave },
    {
      name: 'send',
      usage: '<group>[,<group>...] [text]',
      arguments: [1, 1],
      text: true,
      help: 'a message; without text, lines up to a single dot',
      details: [
        'To groups or private groups; members or not, all may send. Answer: 250 <level> <bytes> <groups>.',
        'Without text: 354, then your lines; a line that begins with a dot needs one more in front.',
        'A name with a comma in it goes in double quotes, alone.',
      ],
      run: send,
    },
    {
      name: 'post',
      usage: '<group>[,<group>...] <size>',
      arguments: [2, 2],
      help: 'a message of the size bytes after the newline',
      run: post,
    },
    {
      name: 'level',
      usage: '[level]',
      arguments: SETTING_ARGUMENTS,
      help: `how you send from here on: ${LEVELS.join(' ')}`,
      run: level,
    },
    {
      name: 'type',
      usage: '[number]',
      arguments: SETTING_ARGUMENTS,
      help: 'type of what you send from here on, for applications',
      run: type,
    },
    {
      name: 'discard',
      usage: '[on|off]',
      arguments: SETTING_ARGUMENTS,
      help: 'on: you do not receive what you send',
      run: discard,
    },
    {
      name: 'receive',
      usage: '[count] [messages|views|events] [within <s>] | on | off',
      arguments: [0, 4],
      help: 'wait for events; off: hold them back until you ask',
      details: [
        'Answered when count events (1 if you say none) of that sort have been shown since the last receive was answered:',
        '250 <n> events, or 251 <n> events when the time is up first. What came before the command counts.',
        'Events come as lines:',
        '  * message <sender> <level> <type> <n> <group>*n <bytes> <text>     with \\n, \\r, \\t, \\\\ and \\xHH in the text',
        '  * view <group> <join|leave|disconnect|network> <who|-> <id> <n> <member>*n [together ... apart ...]',
        '  * transitional <group> <id>',
        '  * left <group>',
      ],
      run: receive,
    },
    {
      name: 'format',
      usage: '[text|binary]',
      arguments: SETTING_ARGUMENTS,
      help: 'binary: * block ... <bytes>, then so many bytes',
      run: format,
    },
    { name: 'members', usage: '<group>', arguments: [1, 1], help: 'members of a group you are in', run: members },
    { name: 'joined', aliases: ['groups'], help: 'ordered groups you are in', run: joined },
  ],
};

// The subcommands that are clients: user, watch, load. They work with any Spread daemon.
import { type Command } from 'commander';
import { CLI_ERRORS, PealError } from '../errors.js';
import { EXIT_FAILURE, EXIT_OK } from './exit.js';
import type { Terminal } from './terminal.js';

const JSON_FLAG = ['--json', 'JSON on standard output'] as const;
const AT = [
  '-s, --spread <where>',
  'daemon: PORT (unix socket /tmp/PORT), PORT@HOST, or a path',
  '4803@127.0.0.1',
] as const;
const USER = [
  '-u, --user <name>',
  'name of the session, at most 10 characters; without it the daemon makes one',
] as const;

interface ClientFlags {
  readonly spread: string;
  readonly user?: string;
  readonly reconnect?: boolean;
  readonly json?: boolean;
}

/** Clients of any Spread daemon. They are loaded when they are asked for: a daemon has no use for them. */
export function addClients(program: Command, terminal: Terminal, exit: (code: number) => void): void {
  program
    .command('user')
    .description('interactive client: join, leave, send, receive, membership; reads commands from standard input too')
    .option(...AT)
    .option(...USER)
    .option('--reconnect', 'connect again by itself when the connection is lost')
    .action(async (o: ClientFlags) => {
      const { user } = await import('../../tools/user.js');
      const interactive = process.stdin.isTTY && process.stdout.isTTY;
      exit(await user(named(o), { input: process.stdin, output: process.stdout, interactive }));
    });
  program
    .command('watch')
    .description('prints messages and views of groups as lines, or as JSON for scripts, until it is ended')
    .argument('<groups...>')
    .option(...AT)
    .option(...USER)
    .option('--reconnect', 'connect again by itself when the connection is lost')
    .option('--count <n>', 'end after so many messages', '0')
    .option(...JSON_FLAG)
    .action(async (groups: string[], o: ClientFlags & { count: string }) => {
      const { watch } = await import('../../tools/watch.js');
      const rest = { count: whole('count', o.count), json: o.json ?? false, reconnect: o.reconnect ?? false };
      exit(await watch(groups, { ...named(o), ...rest }, (line) => terminal.print(line), interrupted()));
    });
  addLine(program, exit);
  program
    .command('load')
    .description('sends load through one or more daemons and measures rates, losses, order and latency')
    .option(AT[0].replace('<where>', '<where...>'), 'daemons, shared by the sessions', [AT[2]])
    .option('-g, --group <group>', 'the group all sessions are in', 'load')
    .option('-n, --messages <n>', 'messages of each sender', '10000')
    .option('-b, --bytes <n>', 'size of a message, at least 20', '1000')
    .option('--senders <n>', 'sessions; each sends and receives', '1')
    .option('--rate <n>', 'messages a second of all senders together; 0: as fast as it goes', '0')
    .option('--level <level>', 'service level', 'agreed')
    .option('--patience <ms>', 'what does not arrive for that long is lost', '5000')
    .option(...JSON_FLAG)
    .action(async (o: LoadFlags) => {
      const { load, STAMP_BYTES, told } = await import('../../tools/load.js');
      const { LEVELS } = await import('../../client-apis/binary/client/index.js');
      if (!(o.level in LEVELS)) throw usage(`--level ${o.level}: one of ${Object.keys(LEVELS).join(', ')}`);
      const figures = await load(
        {
          at: o.spread,
          group: o.group,
          level: o.level as keyof typeof LEVELS,
          messages: whole('messages', o.messages, 1),
          bytes: whole('bytes', o.bytes, STAMP_BYTES),
          senders: whole('senders', o.senders, 1),
          rate: whole('rate', o.rate),
          patienceMs: whole('patience', o.patience),
        },
        (line) => terminal.complain(line),
        interrupted(),
      );
      if (o.json === true) terminal.print(JSON.stringify(figures));
      else for (const line of told(figures)) terminal.print(line);
      const { lost, outOfOrder, sameOrder, closed } = figures;
      exit(lost === 0 && outOfOrder === 0 && sameOrder && closed === 0 ? EXIT_OK : EXIT_FAILURE);
    });
}

function addLine(program: Command, exit: (code: number) => void): void {
  program
    .command('line')
    .description(
      'text port: interactive with history, from standard input, or the commands given; exit code 1 after an error',
    )
    .argument('[command...]', 'one command; without it they are read from standard input')
    .option('-a, --at <host:port>', 'where the text port is', '127.0.0.1:4805')
    .action(async (words: string[], o: { at: string }) => {
      const { line } = await import('../../tools/line.js');
      const interactive = process.stdin.isTTY && process.stdout.isTTY;
      const commands = words.length === 0 ? [] : [words.join(' ')];
      exit(await line({ ...place(o.at), commands }, { input: process.stdin, output: process.stdout, interactive }));
    });
}

interface LoadFlags {
  readonly spread: string[];
  readonly group: string;
  readonly messages: string;
  readonly bytes: string;
  readonly senders: string;
  readonly rate: string;
  readonly level: string;
  readonly patience: string;
  readonly json?: boolean;
}

function named(o: ClientFlags): { at: string; name?: string; reconnect: boolean } {
  return { at: o.spread, reconnect: o.reconnect ?? false, ...(o.user === undefined ? {} : { name: o.user }) };
}

/** HOST:PORT, [IPV6]:PORT or PORT. */
function place(text: string): { host: string; port: number } {
  const match = /^(?:(?:\[([0-9a-f:.%]+)\]|([^\s:[\]]+)):)?(\d{1,5})$/i.exec(text);
  if (match === null || Number(match[3]) > 65_535) throw usage(`--at ${text}: HOST:PORT is needed`);
  return { host: match[1] ?? match[2] ?? '127.0.0.1', port: Number(match[3]) };
}

function usage(detail: string): PealError {
  return PealError.of(CLI_ERRORS.USAGE, { detail });
}

function whole(option: string, text: string, least = 0): number {
  if (!/^\d{1,9}$/.test(text) || Number(text) < least)
    throw usage(`--${option} ${text}: a whole number from ${least} is needed`);
  return Number(text);
}

/** Aborted by the first Ctrl-C, so that a command ends in good order; the second one kills. */
function interrupted(): AbortSignal {
  const end = new AbortController();
  process.once('SIGINT', () => end.abort());
  process.once('SIGTERM', () => end.abort());
  return end.signal;
}

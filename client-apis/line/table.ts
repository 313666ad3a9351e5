// The command table (docs/design/line.md, 1.2, 1.3 and 6): layers of commands, names looked up by their beginnings, words of a
// line held against what the command wants, and help out of the same table.
import type { Reply, TextCommand } from 'peal/plugin';
import { splitWords, type Word } from './wire.js';
import type { LineCall } from './call.js';

/** Shorter beginnings of a name are not accepted. */
const SHORTEST_PREFIX = 4;
/** Room for a command and its arguments in the summary, columns. */
const USAGE_COLUMNS = 22;
const UNKNOWN = 500;
const BAD_ARGUMENT = 501;
const HELP = 214;

export type Command = TextCommand<LineCall>;

export interface Layer {
  /** Over its commands in help. */
  readonly title: string;
  readonly commands: readonly Command[];
}

/** A line that can be obeyed. */
export interface Interpreted {
  readonly command: Command;
  readonly words: readonly Word[];
  readonly text: Uint8Array | undefined;
}

interface Listed {
  readonly layer: Layer;
  readonly command: Command;
  /** Names that are this command's, its own first if it has that. */
  readonly names: string[];
}

export class CommandTable {
  private readonly byName = new Map<string, Listed>();
  private readonly all: Listed[] = [];

  /** An earlier layer takes a name from a later one; a command without a name left cannot be called. */
  constructor(private readonly layers: readonly Layer[]) {
    for (const layer of layers)
      for (const command of layer.commands) {
        const names = [command.name, ...(command.aliases ?? [])].filter((name) => !this.byName.has(name));
        const listed = { layer, command, names };
        if (names.length > 0) this.all.push(listed);
        for (const name of names) this.byName.set(name, listed);
      }
  }

  /** What a line asks for, or the reply it gets. */
  interpret(line: Uint8Array): Interpreted | Reply {
    const word = splitWords(line, 1).words[0]?.text ?? '';
    const found = this.find(word);
    if (!('command' in found)) return found;
    const { command } = found;
    const [least, most] = command.arguments ?? [0, 0];
    const { words, unclosed, rest } = splitWords(line, most + 1);
    const wrong = (what: string): Reply => ({
      code: BAD_ARGUMENT,
      text: `${what}; usage: ${usageOf(found)}`,
    });
    if (unclosed) return wrong('a quote is not closed');
    if (words.length - 1 < least) return wrong('an argument is missing');
    if (command.text !== true && rest?.some((byte) => byte !== 0x20 && byte !== 0x09) === true)
      return wrong('too many arguments');
    return { command, words: words.slice(1), text: command.text === true ? rest : undefined };
  }

  /** The summary, or all about one command. */
  help(word: string | undefined): Reply {
    if (word !== undefined) {
      const found = this.find(word);
      return 'command' in found ? detailed(found) : found;
    }
    const lines = this.layers.flatMap((layer) => {
      const own = this.all.filter((listed) => listed.layer === layer);
      return own.length === 0 ? [] : [`${layer.title}:`, ...own.flatMap(summary)];
    });
    return { code: HELP, lines, text: 'help <command> says more; four letters of a name are enough' };
  }

  private find(typed: string): Listed | Reply {
    const word = typed.toLowerCase();
    const exact = this.byName.get(word);
    if (exact !== undefined) return exact;
    const found = new Set<Listed>();
    if (word.length >= SHORTEST_PREFIX)
      for (const [name, listed] of this.byName) if (name.startsWith(word)) found.add(listed);
    const [only, ...others] = found;
    if (only === undefined) return { code: UNKNOWN, text: 'unknown command; help shows all' };
    if (others.length === 0) return only;
    return { code: UNKNOWN, text: `which one: ${[...found].map((listed) => listed.names[0]!).join(', ')}` };
  }
}

/** One line, or two if the usage is long. */
function summary(listed: Listed): readonly string[] {
  const usage = usageOf(listed);
  const { help } = listed.command;
  if (usage.length + 2 <= USAGE_COLUMNS) return [`  ${usage.padEnd(USAGE_COLUMNS)}${help}`];
  return [`  ${usage}`, `  ${' '.repeat(USAGE_COLUMNS)}${help}`];
}

function usageOf({ names, command }: Listed): string {
  return command.usage === undefined ? names[0]! : `${names[0]!} ${command.usage}`;
}

function detailed(listed: Listed): Reply {
  const others = listed.names.slice(1);
  const lines = [
    usageOf(listed),
    `  ${listed.command.help}`,
    ...(listed.command.details ?? []).map((line) => `  ${line}`),
    ...(others.length === 0 ? [] : [`  also: ${others.join(', ')}`]),
  ];
  return { code: HELP, lines, text: 'end' };
}

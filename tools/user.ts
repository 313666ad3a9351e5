// `peal user`: a person's or a script's client. Everything the peer's spuser can do, readable, with history and completion
// on a terminal; the same commands from standard input. Works with any Spread daemon.
import { createInterface, type Interface } from 'node:readline';
import { connect, type Level, type Session, type SessionEvent, type View } from '../client-apis/binary/client/index.js';
import { line, who } from './show.js';
import { COMMAND_WORDS, helpLines, parseCommand, type UserCommand } from './user-commands.js';

export interface UserOptions {
  /** As the C library names a daemon. */
  readonly at: string;
  readonly name?: string;
  readonly reconnect?: boolean;
}

/** What it reads and writes; a test puts its own. */
export interface UserTerminal {
  readonly input: NodeJS.ReadableStream;
  readonly output: NodeJS.WritableStream;
  /** A person sits there: prompt, history, completion. */
  readonly interactive: boolean;
}

const PROMPT = 'peal> ';
const HISTORY_LINES = 500;

/** Runs until quit, the end of the input or of the session; answers the exit code. */
export async function user(o: UserOptions, terminal: UserTerminal): Promise<number> {
  const session = await connect({
    at: o.at,
    reconnect: o.reconnect ?? false,
    ...(o.name === undefined ? {} : { name: o.name }),
  });
  return new User(session, terminal).run();
}

class User {
  private readonly lines: Interface;
  private readonly waiting: SessionEvent[] = [];
  private readonly views = new Map<string, View>();
  private level: Level = 'agreed';
  private type = 0;
  private discard = false;
  private showing = true;
  private arrived: (() => void) | undefined;
  private ended: Error | undefined;
  /** Kinds of the events printed; `wait` goes on where the last one found what it waited for. */
  private readonly printed: SessionEvent['kind'][] = [];
  private waitedTo = 0;

  constructor(
    private readonly session: Session,
    private readonly t: UserTerminal,
  ) {
    this.lines = createInterface({
      input: t.input,
      terminal: t.interactive,
      historySize: HISTORY_LINES,
      prompt: PROMPT,
      completer: (text: string) => this.complete(text),
      ...(t.interactive ? { output: t.output } : {}),
    });
  }

  async run(): Promise<number> {
    this.say(`connected as ${who(this.session.privateGroup)} (${this.session.privateGroup}); help shows the commands`);
    void this.receive();
    // A closed session must end the reading of commands too.
    const session = new Promise<'over'>((resolve) => this.session.once('close', () => resolve('over')));
    const commands = this.commands().then(() => 'done' as const);
    await Promise.race([commands, session]);
    await this.session.disconnect();
    this.lines.close();
    if (this.ended !== undefined) {
      this.say(this.ended.message);
      return 1;
    }
    return 0;
  }

  private async commands(): Promise<void> {
    if (this.t.interactive) this.lines.prompt();
    const input = this.lines[Symbol.asyncIterator]();
    for (let next = await input.next(); next.done !== true; next = await input.next()) {
      try {
        const command = parseCommand(next.value);
        if (command.do === 'quit') return;
        if (command.do === 'send' && command.text === undefined) {
          if (this.t.interactive) this.lines.setPrompt('message: ');
          if (this.t.interactive) this.lines.prompt();
          const text = await input.next();
          this.lines.setPrompt(PROMPT);
          if (text.done === true) return;
          await this.obey({ ...command, text: text.value });
        } else await this.obey(command);
      } catch (e) {
        this.say(e instanceof Error ? e.message : String(e));
      }
      if (this.t.interactive) this.lines.prompt();
    }
  }

  private async obey(c: UserCommand): Promise<void> {
    const { session } = this;
    switch (c.do) {
      case 'join':
        for (const g of c.groups) void session.join(g);
        return;
      case 'leave':
        for (const g of c.groups) void session.leave(g);
        return;
      case 'send':
        session.multicast(this.level, c.groups, c.text ?? '', { type: this.type, selfDiscard: this.discard });
        return;
      case 'burst':
        return this.burst(c.groups, c.count, c.bytes);
      case 'level':
        this.level = c.level ?? this.level;
        this.say(`level ${this.level}`);
        return;
      case 'type':
        this.type = c.type;
        return;
      case 'discard':
        this.discard = c.on;
        return;
      case 'show':
        this.showing = c.on;
        if (c.on) while (this.waiting.length > 0) this.print(this.waiting.shift()!);
        return;
      case 'receive':
        return this.next();
      case 'poll':
        this.say(
          this.waiting.length === 0
            ? 'nothing waits'
            : `${this.waiting.length} ${this.waiting.length === 1 ? 'event waits' : 'events wait'}`,
        );
        return;
      case 'wait':
        return this.waitFor(c.for, c.count);
      case 'sleep':
        return new Promise((resolve) => setTimeout(resolve, c.ms));
      default:
        this.tell(c);
    }
  }

  private tell(c: UserCommand): void {
    if (c.do === 'help') for (const l of helpLines()) this.say(l);
    else if (c.do === 'groups') this.say(this.session.groups.join(' ') || 'in no group');
    else if (c.do === 'me')
      this.say(`${this.session.privateGroup} on ${this.session.daemon}, version ${this.session.version.join('.')}`);
    else if (c.do === 'who') {
      const v = this.views.get(c.group);
      if (!v) this.say(`no view of ${c.group} was seen: join it`);
      else for (const m of v.members) this.say(`  ${who(m)}${m === this.session.privateGroup ? ' (we)' : ''}`);
    }
  }

  private async burst(groups: readonly string[], count: number, bytes: number): Promise<void> {
    for (let i = 1; i <= count; i++) {
      const text = Buffer.alloc(bytes, '.');
      text.write(`message ${i} of ${count} `);
      this.session.multicast(this.level, groups, text, { type: this.type, selfDiscard: this.discard });
      if (!this.session.writable) await this.session.drained();
    }
  }

  private async receive(): Promise<void> {
    try {
      for await (const e of this.session) {
        if (e.kind === 'view') this.views.set(e.group, e);
        else if (e.kind === 'left') this.views.delete(e.group);
        if (this.showing) this.print(e);
        else this.waiting.push(e);
        this.arrived?.();
      }
    } catch (e) {
      this.ended = e instanceof Error ? e : new Error(String(e));
    }
    this.arrived?.();
  }

  private print(e: SessionEvent): void {
    this.say(line(e));
    this.printed.push(e.kind);
  }

  private async next(): Promise<void> {
    while (this.waiting.length === 0 && this.ended === undefined && this.session.connected) {
      const before = this.printed.length;
      await this.arrival();
      if (this.printed.length > before) return;
    }
    const e = this.waiting.shift();
    if (e) this.print(e);
  }

  private async waitFor(what: 'message' | 'view' | 'event', count: number): Promise<void> {
    for (let left = count; left > 0;) {
      const kind = this.printed[this.waitedTo];
      if (kind !== undefined) {
        this.waitedTo++;
        if (what === 'event' || what === kind) left--;
      } else if (this.waiting.length > 0) this.print(this.waiting.shift()!);
      else if (this.ended === undefined) await this.arrival();
      else return;
    }
  }

  private arrival(): Promise<void> {
    return new Promise((resolve) => (this.arrived = resolve));
  }

  /** A line above the one that is being typed. */
  private say(text: string): void {
    if (!this.t.interactive) {
      this.t.output.write(`${text}\n`);
      return;
    }
    this.t.output.write(`\r\x1b[K${text}\n`);
    this.lines.prompt(true);
  }

  private complete(text: string): [string[], string] {
    const words = text.split(/\s+/);
    const last = words.at(-1) ?? '';
    const known = new Set([...this.views.keys(), ...[...this.views.values()].flatMap((v) => v.members)]);
    const from = words.length < 2 ? COMMAND_WORDS : words[0] === 'level' ? LEVEL_WORDS : [...known];
    return [from.filter((w) => w.startsWith(last)), last];
  }
}

const LEVEL_WORDS = ['unreliable', 'reliable', 'fifo', 'causal', 'agreed', 'safe'];

// `peal line`: a person's or a script's way to a text port ([client.line]): like telnet, with history and completion of commands, and with an
// exit code. Works with everything that speaks lines; replies and asynchronous lines are shown as they come.
import { createConnection, type Socket } from 'node:net';
import { createInterface, type Interface } from 'node:readline';
import { CLI_ERRORS, PealError, reasonOf } from '../core/errors.js';
import { printable } from './show.js';

export interface LineOptions {
  readonly host: string;
  readonly port: number;
  /** Commands to send before the end, in place of the input; empty: the input. */
  readonly commands?: readonly string[];
}

/** What it reads and writes; a test puts its own. */
export interface LineTerminal {
  readonly input: NodeJS.ReadableStream;
  readonly output: NodeJS.WritableStream;
  /** A person sits there: prompt, history, completion. */
  readonly interactive: boolean;
}

const PROMPT = 'line> ';
const HISTORY_LINES = 500;
/** A longer line is shown shortened, characters. */
const MOST_SHOWN = 4000;
/** A line that does not end is shown as it is at that length, characters. */
const MAX_LINE = 1_000_000;
const EXIT_OK = 0;
const EXIT_FAILURE = 1;

/**
 * Runs until the end of the input and of the replies, or of the connection; answers the exit code: 1 if any reply was 400 or more.
 * Rejects with PEAL_CLI_UNREACHABLE.
 */
export async function line(o: LineOptions, terminal: LineTerminal): Promise<number> {
  const socket = createConnection({ host: o.host, port: o.port, allowHalfOpen: true });
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', () => resolve());
    socket.once('error', (cause) => {
      const values = { place: `${o.host}:${o.port}`, detail: reasonOf(cause) };
      reject(PealError.of(CLI_ERRORS.UNREACHABLE, values, { cause }));
    });
  });
  return new LineTool(socket, terminal, o.commands ?? []).run();
}

class LineTool {
  private readonly lines: Interface | undefined;
  private text = '';
  private words: readonly string[] = [];
  /** Replies to our own `help`, which is not shown. */
  private learning: boolean;
  private greeted = false;
  private failed = false;

  constructor(
    private readonly socket: Socket,
    private readonly t: LineTerminal,
    private readonly commands: readonly string[],
  ) {
    const people = t.interactive && commands.length === 0;
    this.learning = people;
    if (commands.length > 0) return;
    this.lines = createInterface({
      input: t.input,
      terminal: people,
      historySize: HISTORY_LINES,
      prompt: PROMPT,
      completer: (text: string) => this.complete(text),
      ...(people ? { output: t.output } : {}),
    });
  }

  async run(): Promise<number> {
    const { socket } = this;
    socket.setEncoding('utf8');
    socket.on('data', (chunk: string) => this.received(chunk));
    socket.on('error', (error) => {
      this.failed = true;
      this.say(error.message);
    });
    const over = new Promise<void>((resolve) => {
      socket.once('end', resolve);
      socket.once('close', resolve);
    });
    if (this.learning) socket.write('help\r\n');
    if (this.lines === undefined) this.finish(this.commands);
    else {
      this.lines.on('line', (typed) => {
        socket.write(`${typed}\r\n`);
        if (this.t.interactive) this.lines!.prompt();
      });
      this.lines.on('close', () => this.finish([]));
      if (this.t.interactive) this.lines.prompt();
    }
    await over;
    if (this.text !== '') this.line(this.text);
    if (!this.greeted) this.refuse('it closed without a greeting');
    this.lines?.close();
    socket.destroy();
    return this.failed ? EXIT_FAILURE : EXIT_OK;
  }

  /** The last lines; the port answers them and closes. */
  private finish(last: readonly string[]): void {
    if (!this.socket.writableEnded) this.socket.end(last.map((command) => `${command}\r\n`).join(''));
  }

  private received(chunk: string): void {
    this.text += chunk;
    for (let end = this.text.indexOf('\n'); end >= 0; end = this.text.indexOf('\n')) {
      this.line(this.text.slice(0, end).replace(/\r$/, ''));
      this.text = this.text.slice(end + 1);
    }
    if (this.text.length > MAX_LINE) {
      this.say(this.text);
      this.text = '';
    }
  }

  private line(text: string): void {
    const code = Number(/^([2-5]\d\d)[- ]/.exec(text)?.[1] ?? 0);
    if (this.greeted && this.learning && code === 214) {
      const word = /^214- {2}(\S+)/.exec(text)?.[1];
      if (word !== undefined) this.words = [...this.words, word];
      if (text.startsWith('214 ')) this.learning = false;
      return;
    }
    if (!this.greeted && code === 0) this.refuse('it does not greet with a number');
    this.greeted = true;
    if (code >= 400) this.failed = true;
    this.say(text);
  }

  private refuse(why: string): void {
    this.failed = true;
    this.say(`this is no text port: ${why}`);
  }

  /** A line above the one that is being typed. */
  private say(text: string): void {
    const shown = printable(Buffer.from(text), MOST_SHOWN);
    if (this.lines === undefined || !this.t.interactive) {
      this.t.output.write(`${shown}\n`);
      return;
    }
    this.t.output.write(`\r\x1b[K${shown}\n`);
    this.lines.prompt(true);
  }

  private complete(text: string): [readonly string[], string] {
    if (/\s/.test(text)) return [[], text];
    return [this.words.filter((word) => word.startsWith(text.toLowerCase())), text];
  }
}

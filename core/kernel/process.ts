// The Process port: runs a command in a process group of its own. Data goes to standard input and never into the command
// line; what the command prints goes nowhere; a command that hangs is ended with its children.
import { type ChildProcess, spawn } from 'node:child_process';
import { Readable } from 'node:stream';
import type { Command, CommandResult, Process } from '../plugin/ports.js';

/** Between SIGTERM and SIGKILL, unless the command says otherwise. */
const KILL_AFTER_MS = 5000;
/** How often is looked whether the rest of an ended group is gone, milliseconds. */
const GROUP_CHECK_MS = 20;
/** Looks after SIGKILL: where nobody collects them, the dead stay in their group. */
const LOOKS_AFTER_KILL = 50;

export const systemProcess: Process = {
  run: (command) => new Run(command).result,
};

class Run {
  readonly result: Promise<CommandResult>;
  private stopped = false;
  private looksLeft = Infinity;
  private timeout: NodeJS.Timeout | undefined;
  private killing: NodeJS.Timeout | undefined;
  private readonly child: ChildProcess;
  private readonly output: Buffer[] = [];
  private outputBytes = 0;

  constructor(private readonly command: Command) {
    this.child = spawn(command.file, command.args ?? [], {
      cwd: command.cwd ?? '/',
      env: { ...process.env, ...command.env },
      detached: true,
      stdio: ['pipe', this.limit > 0 ? 'pipe' : 'ignore', 'ignore'],
    });
    this.result = new Promise((resolve, reject) => {
      this.child.once('error', (error) => {
        this.end();
        reject(error);
      });
      // Its output may still be on the way when it has ended, and is all there when it is closed.
      this.child.once(this.limit > 0 ? 'close' : 'exit', (status: number | null, signal: NodeJS.Signals | null) => {
        this.afterGroup(() => {
          this.end();
          resolve({ status: status ?? undefined, signal: signal ?? undefined, ...this.outcome() });
        });
      });
    });
    this.feed();
    this.child.stdout?.on('data', (bytes: Buffer) => {
      this.collect(bytes);
    });
    const { timeoutMs = 0 } = command;
    if (timeoutMs > 0) this.timeout = setTimeout(this.stop, timeoutMs);
    if (command.signal?.aborted === true) this.stop();
    else command.signal?.addEventListener('abort', this.stop);
  }

  private get limit(): number {
    return this.command.outputBytes ?? 0;
  }

  private outcome(): Pick<CommandResult, 'timedOut' | 'output'> {
    return { timedOut: this.stopped, ...(this.limit > 0 ? { output: Buffer.concat(this.output) } : {}) };
  }

  private collect(bytes: Buffer): void {
    this.outputBytes += bytes.length;
    if (this.outputBytes > this.limit) this.stop();
    else this.output.push(bytes);
  }

  /** A command that closes its input early is no failure; unheard, the error would end the daemon. */
  private feed(): void {
    const input = this.child.stdin;
    if (input === null) return;
    input.on('error', () => undefined);
    Readable.from(this.command.input ?? []).pipe(input);
  }

  private readonly stop = (): void => {
    if (this.stopped) return;
    this.stopped = true;
    this.signal('SIGTERM');
    this.killing = setTimeout(() => {
      this.looksLeft = LOOKS_AFTER_KILL;
      this.signal('SIGKILL');
    }, this.command.killAfterMs ?? KILL_AFTER_MS);
  };

  /** A command that was stopped is over when its children are; one that ends by itself may leave some behind. */
  private afterGroup(over: () => void): void {
    if (this.stopped && this.looksLeft-- > 0 && this.signal(0)) setTimeout(() => this.afterGroup(over), GROUP_CHECK_MS);
    else over();
  }

  /** Is anybody left in the group? */
  private signal(name: NodeJS.Signals | 0): boolean {
    if (this.child.pid === undefined) return false;
    try {
      return process.kill(-this.child.pid, name);
    } catch {
      // The whole group is gone already: what was wanted.
      return false;
    }
  }

  private end(): void {
    clearTimeout(this.timeout);
    clearTimeout(this.killing);
    this.command.signal?.removeEventListener('abort', this.stop);
    this.child.stdin?.destroy();
  }
}

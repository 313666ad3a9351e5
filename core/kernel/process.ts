// The Process port: runs a command in a process group of its own. Data goes to standard input and never into the command
// line; what the command prints goes nowhere; a command that hangs is ended with its children.
import { type ChildProcess, spawn } from 'node:child_process';
import { Readable } from 'node:stream';
import type { Command, CommandResult, Process } from '../plugin/ports.js';

/** Between SIGTERM and SIGKILL, unless the command says otherwise. */
const KILL_AFTER_MS = 5000;

export const systemProcess: Process = {
  run: (command) => new Run(command).result,
};

class Run {
  readonly result: Promise<CommandResult>;
  private timedOut = false;
  private readonly timers: NodeJS.Timeout[] = [];
  private readonly child: ChildProcess;

  constructor(private readonly command: Command) {
    this.child = spawn(command.file, command.args ?? [], {
      cwd: command.cwd ?? '/',
      env: { ...process.env, ...command.env },
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    this.result = new Promise((resolve, reject) => {
      this.child.once('error', (error) => {
        this.end();
        reject(error);
      });
      this.child.once('exit', (status, signal) => {
        this.end();
        resolve({ status: status ?? undefined, signal: signal ?? undefined, timedOut: this.timedOut });
      });
    });
    this.feed();
    if (command.timeoutMs !== undefined && command.timeoutMs > 0) this.later(command.timeoutMs, this.stop);
    if (command.signal?.aborted === true) this.stop();
    else command.signal?.addEventListener('abort', this.stop);
  }

  /** A command that closes its input early is no failure; unheard, the error would end the daemon. */
  private feed(): void {
    const input = this.child.stdin;
    if (input === null) return;
    input.on('error', () => undefined);
    Readable.from(this.command.input ?? []).pipe(input);
  }

  private readonly stop = (): void => {
    this.timedOut = true;
    this.signal('SIGTERM');
    this.later(this.command.killAfterMs ?? KILL_AFTER_MS, () => {
      this.signal('SIGKILL');
    });
  };

  private signal(name: NodeJS.Signals): void {
    if (this.child.pid === undefined) return;
    try {
      process.kill(-this.child.pid, name);
    } catch {
      // The whole group is gone already: what was wanted.
    }
  }

  private later(ms: number, fn: () => void): void {
    this.timers.push(setTimeout(fn, ms));
  }

  private end(): void {
    for (const timer of this.timers) clearTimeout(timer);
    this.command.signal?.removeEventListener('abort', this.stop);
    this.child.stdin?.destroy();
  }
}

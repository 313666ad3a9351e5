// A program of the peer's that reads commands and prints what happens: typed into line by line, and waited for.
import { type ChildProcess, spawn } from 'node:child_process';

const LIMIT_MS = 20_000;

export class Typed {
  out = '';
  private readonly waiting = new Set<() => void>();
  private readonly process: ChildProcess;
  private readonly exit: Promise<unknown>;

  constructor(program: string, args: readonly string[]) {
    const p = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    this.process = p;
    this.exit = new Promise((r) => p.once('exit', r));
    for (const stream of [p.stdout, p.stderr])
      stream.on('data', (chunk: Buffer) => {
        this.out += chunk.toString('latin1');
        for (const w of this.waiting) w();
      });
  }

  /** Types a line; then waits until what it prints from there on matches. */
  async say(line: string, answer: RegExp): Promise<void> {
    const from = this.out.length;
    this.process.stdin!.write(`${line}\n`);
    await this.until((out) => answer.test(out.slice(from)), `${line} -> ${String(answer)}`);
  }

  /** Waits until all that was printed is as it should be. */
  async until(right: (out: string) => boolean, what: string): Promise<void> {
    if (right(this.out)) return;
    await new Promise<void>((resolve, reject) => {
      const look = (): void => {
        if (!right(this.out)) return;
        clearTimeout(timer);
        this.waiting.delete(look);
        resolve();
      };
      const timer = setTimeout(() => {
        this.waiting.delete(look);
        reject(new Error(`${what} did not come:\n${this.out}`));
      }, LIMIT_MS);
      this.waiting.add(look);
    });
  }

  /** Ends it if it has not ended by itself. */
  async end(): Promise<void> {
    this.process.kill();
    await this.exit;
  }
}

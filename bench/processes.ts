// A load process and the JSON lines it prints.
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { child, OWN_GROUP } from './children.js';

export interface Told {
  readonly event: string;
  readonly why?: string;
}

/** A program of bench, started with one JSON argument. */
export class LoadProcess {
  readonly process: ChildProcess;
  private readonly seen: Told[] = [];
  private waiting: { wanted: (m: Told) => boolean; resolve(m: Told): void; reject(e: Error): void }[] = [];
  private failure: Error | undefined;

  constructor(program: string, order: object) {
    const file = fileURLToPath(new URL(`./${program}.js`, import.meta.url));
    const p = spawn(process.execPath, [file, JSON.stringify(order)], {
      stdio: ['pipe', 'pipe', 'inherit'],
      ...OWN_GROUP,
    });
    this.process = child(p);
    createInterface({ input: p.stdout }).on('line', (line) => this.heard(JSON.parse(line) as Told, program));
    // A line may still be on its way when the process has ended: 'close' comes after it.
    p.on('close', () => this.fail(new Error(`${program} ended without the awaited word`)));
    p.stdin.on('error', () => undefined);
  }

  /** The first message so wanted, also one that came before; rejects when the process failed. */
  told(wanted: (m: Told) => boolean): Promise<Told> {
    const already = this.seen.find(wanted);
    if (already !== undefined) return Promise.resolve(already);
    if (this.failure !== undefined) return Promise.reject(this.failure);
    return new Promise((resolve, reject) => this.waiting.push({ wanted, resolve, reject }));
  }

  go(): void {
    this.process.stdin!.write('go\n');
  }

  end(): void {
    this.process.stdin!.end();
  }

  kill(): void {
    this.process.kill('SIGKILL');
  }

  private heard(m: Told, program: string): void {
    if (m.event === 'failed') {
      this.fail(new Error(`${program}: ${m.why ?? ''}`));
      return;
    }
    this.seen.push(m);
    const waiting = this.waiting;
    this.waiting = [];
    for (const w of waiting)
      if (w.wanted(m)) w.resolve(m);
      else this.waiting.push(w);
  }

  private fail(e: Error): void {
    this.failure ??= e;
    for (const w of this.waiting) w.reject(this.failure);
    this.waiting = [];
  }
}

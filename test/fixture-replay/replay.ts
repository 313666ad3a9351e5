// Plays fixtures against a listening daemon: several connections at once, each along its own file. A step that sends
// waits for all that the daemon sent before it, and a connection may begin behind a line of another one, so that the
// daemon sees things in the order in which the peer saw them.
import { RawClient } from '../../client-apis/binary/test/wire-client.js';
import { readFixture } from './fixture.js';
import type { Connection, Step } from './fixture.js';
import { FrameComparison } from './normalise.js';

export interface Part {
  readonly file: string;
  /** Which connection of the file; default the first. */
  readonly connection?: number;
  /** Begins when that part is done with that line (0-based). */
  readonly after?: { readonly part: number; readonly line: number };
  /** For the send of a line: so many frames that stand behind it come before, since the other client was first. */
  readonly late?: Readonly<Record<number, number>>;
  /** The end of the file is the end of the connection, although it does not say so. */
  readonly thenClose?: boolean;
  /** The daemon it talks to; default the one of `replay`. */
  readonly port?: number;
  /** What happens elsewhere before the first step of a line (0-based). */
  readonly before?: Readonly<Record<number, () => Promise<void>>>;
  /** One frame that ours sends before the first step of a line and theirs did not: takes it, answers what is wrong. */
  readonly extra?: Readonly<Record<number, (frame: Buffer | undefined) => string>>;
}

/** Replays all parts together up to the first difference; answers it, with file and line. */
export async function replay(port: number, parts: readonly Part[]): Promise<string[]> {
  const players: Player[] = parts.map((part) => new Player(port, part, () => players.forEach((p) => p.stop())));
  await Promise.all(players.map((player) => player.play(players)));
  return players.flatMap((player) => player.differences);
}

class Player {
  readonly differences: string[] = [];
  private readonly steps: readonly Step[];
  private readonly comparison = new FrameComparison();
  private line = -1;
  private ended = false;
  private watchers: (() => void)[] = [];
  private client: RawClient | undefined = undefined;
  private stopped = false;

  /** `differed`: to be called at the first difference. */
  constructor(
    private readonly port: number,
    private readonly part: Part,
    private readonly differed: () => void,
  ) {
    const connection: Connection = readFixture(part.file)[part.connection ?? 0]!;
    this.steps = rearranged(connection.steps, part.late ?? {});
  }

  async play(all: readonly Player[]): Promise<void> {
    const { after, thenClose } = this.part;
    if (after !== undefined) await all[after.part]!.reaches(after.line);
    const client = await new RawClient(this.part.port ?? this.port).connected();
    this.client = client;
    if (!this.going()) client.destroy();
    for (const step of this.steps) {
      if (this.going() && step.line !== this.line) await this.enter(client, step.line);
      if (this.going()) await this.step(client, step);
      this.line = step.line;
      this.tell();
    }
    this.ended = true;
    this.tell();
    if (thenClose === true) client.socket.end();
    const rest = await this.remainder(client, thenClose === true);
    if (rest.length > 0) this.differs(this.line, `${rest.length} bytes more than expected`);
    client.destroy();
  }

  /** Somebody met a difference: what comes now means nothing, and may never come. */
  stop(): void {
    this.stopped = true;
    this.ended = true;
    this.client?.destroy();
    this.tell();
  }

  private going(): boolean {
    return !this.stopped;
  }

  private tell(): void {
    for (const watcher of this.watchers.splice(0)) watcher();
  }

  /** What this part says of the moment before a line. */
  private async enter(client: RawClient, line: number): Promise<void> {
    await this.part.before?.[line]?.();
    const extra = this.part.extra?.[line];
    if (extra !== undefined) this.differs(line, extra(await client.frame()));
  }

  /** What comes behind the last line, where the end of the connection was waited for. */
  private remainder(client: RawClient, closing: boolean): Promise<Buffer> {
    const waited = closing || this.steps.some((step) => step.kind === 'daemon-end');
    return waited ? client.rest() : Promise.resolve(Buffer.alloc(0));
  }

  private async step(client: RawClient, step: Step): Promise<void> {
    switch (step.kind) {
      case 'send':
        await client.write(step.bytes);
        break;
      case 'expect': {
        if (!step.frame) {
          this.compare(step.line, step.bytes, await client.read(step.bytes.length));
          break;
        }
        // A whole one, whatever its length: another frame than expected may be shorter.
        const got = await client.frame();
        if (got === undefined) this.differs(step.line, 'the connection ended');
        else this.differs(step.line, this.comparison.difference(step.bytes, got));
        break;
      }
      case 'client-end':
        client.socket.end();
        break;
      case 'daemon-end': {
        const more = await client.rest();
        if (more.length > 0) this.differs(step.line, `${more.length} bytes before the end`);
      }
    }
  }

  private compare(line: number, expected: Buffer, got: Buffer): void {
    if (!expected.equals(got)) this.differs(line, `expected ${expected.toString('hex')}, got ${got.toString('hex')}`);
  }

  private differs(line: number, what: string): void {
    if (what === '' || this.stopped) return;
    this.differences.push(`${this.part.file}:${line + 1}: ${what}`);
    this.differed();
  }

  private async reaches(line: number): Promise<void> {
    while (this.line < line && !this.ended) await new Promise<void>((resolve) => this.watchers.push(resolve));
  }
}

/** Moves each late send behind so many expected frames. */
function rearranged(steps: readonly Step[], late: Readonly<Record<number, number>>): Step[] {
  const moved: Step[] = [];
  const waiting: { step: Step; frames: number }[] = [];
  for (const step of steps) {
    const frames = step.kind === 'send' ? (late[step.line] ?? 0) : 0;
    if (frames > 0) waiting.push({ step, frames });
    else moved.push(step);
    if (step.kind !== 'expect') continue;
    for (const w of waiting) w.frames--;
    while (waiting[0]?.frames === 0) moved.push(waiting.shift()!.step);
  }
  return [...moved, ...waiting.map((w) => w.step)];
}

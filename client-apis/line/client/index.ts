// The client library of the text port, export `peal/line`: floodd's commands as calls (connect, groups, group, topology, statistics,
// flood, nearest, close), ordered groups, and any other command. Works with every text port that has numbered replies.
import { createConnection, type Socket } from 'node:net';
import { readLineEvent, type LineEvent } from './events.js';
import { fieldsOf, groupRow, memberRow, nearestRow, rowsOf, statisticsOf, topologyOf } from './rows.js';
import type { FloodGroup, FloodMember, FloodStatistics, FloodTopology, NearSite } from './rows.js';
import { ReplyReader, type LineReply, type Received } from './reader.js';

export type { LineEvent, LineMessage, LineView } from './events.js';
export type { LineReply } from './reader.js';
export type { FloodEdge, FloodGroup, FloodMember, FloodStatistics, FloodTopology, NearSite } from './rows.js';
export { nearest, type NearestOptions } from './nearest.js';

/** Milliseconds until a daemon must have greeted. */
const CONNECT_LIMIT_MS = 10_000;
/** Events that wait to be taken before the socket is read no further. */
const MAX_WAITING_EVENTS = 1000;

export interface ConnectOptions {
  /** Default 10000. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** Identity of an update. */
export interface FloodedUpdate {
  readonly origin: string;
  readonly incarnation: number;
  readonly sequence: number;
  readonly bytes: number;
}

/** A reply of 400 or more, or a connection that is over (code 0). */
export class LineError extends Error {
  override readonly name = 'LineError';

  constructor(
    /** Of the reply; 0: there was none. */
    readonly code: number,
    message: string,
  ) {
    super(message);
  }
}

interface Asked {
  /** Bytes were sent behind the command. */
  readonly payload: boolean;
  readonly resolve: (reply: LineReply) => void;
  readonly reject: (error: LineError) => void;
}

export class LineClient implements AsyncIterable<LineEvent> {
  /** Text behind 220. */
  greeting = '';
  private readonly asked: Asked[] = [];
  private readonly events: LineEvent[] = [];
  private readonly takers: ((event: LineEvent | undefined) => void)[] = [];
  private over: LineError | undefined;
  private last: LineReply | undefined;
  private stopped = false;

  /** Use `connect`. */
  constructor(private readonly socket: Socket) {
    const reader = new ReplyReader((received) => this.received(received));
    socket.on('data', (chunk: Buffer) => {
      reader.push(chunk);
      if (reader.fault !== undefined) this.end(new LineError(0, `the text port sent ${reader.fault}`));
    });
    socket.on('error', (error) => this.end(new LineError(0, error.message)));
    socket.on('close', () => this.end(this.lastWord()));
  }

  /** The daemon's first words. */
  async greeted(): Promise<this> {
    const reply = await new Promise<LineReply>((resolve, reject) =>
      this.asked.push({ payload: false, resolve, reject }),
    );
    if (reply.code !== 220) throw new LineError(reply.code, reply.text);
    this.greeting = reply.text;
    return this;
  }

  /**
   * Sends a command line, and what follows it, and resolves with the reply (after 354 and the payload: the last). Rejects with
   * LineError for a reply of 400 or more. Calls may follow one another without waiting. A command that asks for lines (354) must be
   * given them: without a payload it rejects with code 354, and the connection is closed.
   */
  async command(line: string, payload?: Uint8Array): Promise<LineReply> {
    if (/[\r\n]/.test(line)) throw new LineError(0, 'a command is one line');
    if (this.over !== undefined) throw this.over;
    const reply = new Promise<LineReply>((resolve, reject) =>
      this.asked.push({ payload: payload !== undefined, resolve, reject }),
    );
    this.socket.cork();
    this.socket.write(`${line}\r\n`);
    if (payload !== undefined) this.socket.write(payload);
    this.socket.uncork();
    return checked(await reply);
  }

  // ---- floodd ----------------------------------------------------------------------------------------------------

  /** Groups of the site. */
  async groups(): Promise<readonly FloodGroup[]> {
    return rowsOf(await this.command('groups'), groupRow);
  }

  /** Members of a group. */
  async group(name: string): Promise<readonly FloodMember[]> {
    return rowsOf(await this.command(`group ${quoted(name)}`), memberRow);
  }

  async topology(name: string): Promise<FloodTopology> {
    return topologyOf(await this.command(`topology ${quoted(name)}`));
  }

  async statistics(): Promise<FloodStatistics> {
    return statisticsOf(await this.command('statistics'));
  }

  /** Floods bytes to all groups of the site, or to one. At least one byte. */
  async flood(bytes: Uint8Array, group?: string): Promise<FloodedUpdate> {
    const line = group === undefined ? `binary ${bytes.length}` : `binary ${bytes.length} ${quoted(group)}`;
    const { text } = await this.command(line, bytes);
    const [origin = '', ...numbers] = fieldsOf(text);
    const [incarnation = NaN, sequence = NaN, size = NaN] = numbers.map(Number);
    return { origin, incarnation, sequence, bytes: size };
  }

  /** What the daemon takes for near; it can only guess: see the function `nearest`, which measures. */
  async hints(): Promise<readonly NearSite[]> {
    return rowsOf(await this.command('nearest'), nearestRow);
  }

  // ---- ordered groups --------------------------------------------------------------------------------------------

  /** Takes part in ordered groups; answers the private group. Messages then come as bytes, whatever is in them. */
  async session(name = ''): Promise<string> {
    const { text } = await this.command(name === '' ? 'session' : `session ${quoted(name)}`);
    await this.command('format binary');
    return text;
  }

  async join(...groups: readonly string[]): Promise<void> {
    await this.command(`join ${groups.map(quoted).join(' ')}`);
  }

  async leave(...groups: readonly string[]): Promise<void> {
    await this.command(`leave ${groups.map(quoted).join(' ')}`);
  }

  /** At the level that was set last (`command('level safe')`), agreed at first. */
  async send(groups: readonly string[], data: Uint8Array): Promise<void> {
    await this.command(`post ${groups.length === 1 ? quoted(groups[0]!) : groups.join(',')} ${data.length}`, data);
  }

  /**
   * The next event; undefined when the connection is over and all were taken. Who is in groups takes them: with 1000 waiting
   * nothing more is read, replies neither, and in the end the daemon disconnects a member that does not read.
   */
  next(): Promise<LineEvent | undefined> {
    const event = this.events.shift();
    if (this.events.length < MAX_WAITING_EVENTS && !this.stopped) this.socket.resume();
    if (event !== undefined || this.over !== undefined) return Promise.resolve(event);
    return new Promise((resolve) => this.takers.push(resolve));
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<LineEvent, void, undefined> {
    for (let event = await this.next(); event !== undefined; event = await this.next()) yield event;
  }

  /** Takes nothing more from the daemon, which will end the connection of a member of busy groups. */
  stopReading(): void {
    this.stopped = true;
    this.socket.pause();
  }

  /** Says `quit`, and resolves when the connection is closed. Idempotent. */
  async close(): Promise<void> {
    if (this.over !== undefined) return;
    const closed = new Promise<void>((resolve) => this.socket.once('close', () => resolve()));
    this.socket.resume();
    await this.command('quit').catch(() => undefined);
    this.socket.end();
    await closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  // ---- from the daemon -------------------------------------------------------------------------------------------

  private received(received: Received): void {
    if (received.kind === 'event') {
      const event = readLineEvent(received.text, received.data);
      if (event === undefined) return;
      const taker = this.takers.shift();
      if (taker !== undefined) taker(event);
      else if (this.events.push(event) >= MAX_WAITING_EVENTS) this.socket.pause();
      return;
    }
    const { reply } = received;
    this.last = reply;
    // 354 only asks for what was sent with the command already. Was there nothing, then the daemon would take the next commands for it.
    if (reply.code !== 354) this.asked.shift()?.resolve(reply);
    else if (this.asked[0]?.payload === false)
      this.end(new LineError(354, `${reply.text}: give it to command() as payload`));
  }

  /** A daemon that closes a connection says why. */
  private lastWord(): LineError {
    const said = this.last?.code === 421 ? this.last : undefined;
    return new LineError(said?.code ?? 0, said?.text ?? 'the connection is over');
  }

  private end(error: LineError): void {
    if (this.over !== undefined) return;
    this.over = error;
    this.socket.destroy();
    for (const { reject } of this.asked.splice(0)) reject(error);
    for (const taker of this.takers.splice(0)) taker(undefined);
  }
}

function checked(reply: LineReply): LineReply {
  if (reply.code >= 400) throw new LineError(reply.code, reply.text);
  return reply;
}

/** A name as one word of a command. */
function quoted(name: string): string {
  return `"${name.replace(/["\\]/g, '\\$&')}"`;
}

/** Connects and waits for the greeting. Rejects with LineError. */
export async function connect(host: string, port: number, o: ConnectOptions = {}): Promise<LineClient> {
  const socket = createConnection({ host, port, noDelay: true });
  const client = new LineClient(socket);
  const give = (): void => void socket.destroy();
  const timer = setTimeout(give, o.timeoutMs ?? CONNECT_LIMIT_MS);
  o.signal?.addEventListener('abort', give, { once: true });
  if (o.signal?.aborted === true) give();
  try {
    return await client.greeted();
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    clearTimeout(timer);
    o.signal?.removeEventListener('abort', give);
  }
}

// The daemon's end of the control channel: a Unix socket, a table of commands that others may extend, and answers that
// are never missing. Requests of one connection are answered one after another. Rules: docs/design/runtime.md, 5.
import { chmodSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { CONTROL_ERRORS, PealError, reasonOf } from '../errors.js';
import type { Logger } from '../plugin/ports.js';
import { clearPath, closeFolder, controlPath } from './control-path.js';
import {
  failureOf,
  LineSplitter,
  MAX_REQUEST_BYTES,
  readRequest,
  writeLine,
  type ControlRequest,
  type ControlResponse,
  type RequestId,
} from './control-wire.js';

/** Connections at one time. */
export const MAX_CONNECTIONS = 32;
/** A refused connection that does not close has that long, milliseconds. */
const GOODBYE_LIMIT_MS = 1000;

/**
 * Answers plain values (a bigint becomes a text). A PealError, thrown or rejected with, reaches the caller as it is;
 * `badArgument` makes the one for arguments, which are as the caller wrote them.
 */
export type ControlHandler = (args: Readonly<Record<string, unknown>>) => unknown;

interface Entry {
  readonly handler: ControlHandler;
  readonly doc: string;
}

export class ControlServer {
  private readonly commands = new Map<string, Entry>();
  private readonly open = new Set<Socket>();
  private server: Server | undefined;
  private at: string | undefined;

  constructor(private readonly log: Logger) {
    this.register('help', () => this.help(), 'lists the commands');
  }

  /** Path of the socket while it listens. */
  get path(): string | undefined {
    return this.at;
  }

  /** Adds a command, at any time; `doc` is one sentence without a final period. A name is given once. */
  register(command: string, handler: ControlHandler, doc: string): void {
    if (this.commands.has(command)) throw new Error(`control command '${command}' is registered twice`);
    this.commands.set(command, { handler, doc });
  }

  /** Listens in that folder, which exists. Rejects with a coded error, ALREADY_RUNNING when a daemon answers there. */
  async listen(folder: string): Promise<void> {
    const path = controlPath(folder);
    closeFolder(folder);
    await clearPath(path);
    const server = createServer((socket) => this.accept(socket));
    await new Promise<void>((resolve, reject) => {
      server.once('listening', resolve);
      server.once('error', (cause: NodeJS.ErrnoException) => {
        const error =
          cause.code === 'EADDRINUSE'
            ? PealError.of(CONTROL_ERRORS.ALREADY_RUNNING, { path }, { cause })
            : PealError.of(CONTROL_ERRORS.LISTEN, { path, detail: reasonOf(cause) }, { cause });
        reject(error);
      });
      server.listen(path);
    });
    server.on('error', (error) => this.log.warn('control socket', { detail: reasonOf(error) }));
    chmodSync(path, 0o600);
    this.server = server;
    this.at = path;
  }

  /** Ends every connection, takes the socket away. Idempotent. */
  async close(): Promise<void> {
    const server = this.server;
    this.server = undefined;
    this.at = undefined;
    if (server === undefined) return;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const socket of this.open) socket.destroy();
    await closed;
  }

  private help(): unknown {
    return [...this.commands]
      .map(([command, { doc }]) => ({ command, doc }))
      .sort((a, b) => (a.command < b.command ? -1 : 1));
  }

  private accept(socket: Socket): void {
    this.open.add(socket);
    socket.once('close', () => this.open.delete(socket));
    socket.on('error', (error) => this.log.debug('control connection', { detail: reasonOf(error) }));
    if (this.open.size > MAX_CONNECTIONS) {
      this.goodbye(socket, PealError.of(CONTROL_ERRORS.TOO_MANY, { limit: MAX_CONNECTIONS }));
      return;
    }
    this.serve(socket).catch((error: unknown) => {
      this.log.debug('control connection', { detail: reasonOf(error) });
      socket.destroy();
    });
  }

  private async serve(socket: Socket): Promise<void> {
    const splitter = new LineSplitter(MAX_REQUEST_BYTES);
    for await (const chunk of socket.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      const lines = splitter.push(chunk);
      if (lines === 'too-long') {
        this.goodbye(socket, PealError.of(CONTROL_ERRORS.LINE_TOO_LONG, { limit: MAX_REQUEST_BYTES }));
        return;
      }
      for (const line of lines) if (line.trim() !== '') await write(socket, await this.answer(line));
    }
    socket.end();
  }

  /** The last word to a connection that is not served any more. */
  private goodbye(socket: Socket, error: PealError): void {
    this.log.warn('control connection refused', { detail: error.message });
    socket.resume();
    socket.end(writeLine({ id: null, ok: false, error: failureOf(error) }));
    socket.setTimeout(GOODBYE_LIMIT_MS, () => socket.destroy());
  }

  private async answer(line: string): Promise<ControlResponse> {
    const request = readRequest(line);
    if ('wrong' in request) {
      return failure(request.id, PealError.of(CONTROL_ERRORS.BAD_REQUEST, { detail: request.wrong }));
    }
    try {
      return { id: request.id, ok: true, result: await this.execute(request) };
    } catch (error) {
      if (error instanceof PealError) return failure(request.id, error);
      this.log.error('control command failed', { command: request.command, detail: reasonOf(error) });
      const { command } = request;
      return failure(request.id, PealError.of(CONTROL_ERRORS.FAILED, { command, detail: reasonOf(error) }));
    }
  }

  private async execute({ command, args }: ControlRequest): Promise<unknown> {
    const entry = this.commands.get(command);
    if (entry === undefined) {
      const known = [...this.commands.keys()].sort().join(', ');
      throw PealError.of(CONTROL_ERRORS.UNKNOWN_COMMAND, { command: command.slice(0, 80), known });
    }
    return (await entry.handler(args)) ?? null;
  }
}

function failure(id: RequestId | null, error: PealError): ControlResponse {
  return { id, ok: false, error: failureOf(error) };
}

/** Writes and waits for a reader that is behind, or gone. */
async function write(socket: Socket, response: ControlResponse): Promise<void> {
  if (socket.destroyed || socket.write(writeLine(response))) return;
  await new Promise<void>((resolve) => {
    const done = (): void => {
      socket.off('drain', done);
      socket.off('close', done);
      resolve();
    };
    socket.once('drain', done);
    socket.once('close', done);
  });
}

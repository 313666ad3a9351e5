// The operator's end of the control channel: what `peal status` and its like use. Every failure is a coded error that
// says what to do. Rules: docs/design/runtime.md, 5.
import { connect, type Socket } from 'node:net';
import { CONTROL_ERRORS, PealError, reasonOf } from '../errors.js';
import { controlPath } from './control-path.js';
import { errorOf, LineSplitter, MAX_RESPONSE_BYTES, readResponse, writeLine } from './control-wire.js';

/** How long an answer may take unless told otherwise, milliseconds. */
export const CALL_LIMIT_MS = 5000;

interface Call {
  readonly command: string;
  resolve(result: unknown): void;
  reject(error: PealError): void;
}

export class ControlClient {
  private readonly calls = new Map<number, Call>();
  private readonly splitter = new LineSplitter(MAX_RESPONSE_BYTES);
  private nextId = 1;

  private constructor(private readonly socket: Socket) {
    socket.on('data', (chunk: Buffer) => this.received(chunk));
    socket.on('close', () => this.failAll((command) => PealError.of(CONTROL_ERRORS.CLOSED, { command })));
    // 'close' follows and says it to every caller.
    socket.on('error', () => undefined);
  }

  /** To the daemon whose own folder that is. Rejects with NOT_RUNNING when none answers. */
  static async connect(folder: string): Promise<ControlClient> {
    const path = controlPath(folder);
    const socket = connect(path);
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', (cause: NodeJS.ErrnoException) => {
        const detail = DETAILS[cause.code ?? ''] ?? reasonOf(cause);
        reject(PealError.of(CONTROL_ERRORS.NOT_RUNNING, { path, detail }, { cause }));
      });
    });
    return new ControlClient(socket);
  }

  /** The command's result. Rejects with a coded error: the daemon's own, or that none came. */
  call(command: string, args: Readonly<Record<string, unknown>> = {}, limitMs = CALL_LIMIT_MS): Promise<unknown> {
    if (this.socket.destroyed) return Promise.reject(PealError.of(CONTROL_ERRORS.CLOSED, { command }));
    const id = this.nextId++;
    return new Promise((resolve, reject) => {
      const limit = setTimeout(() => {
        this.calls.delete(id);
        reject(PealError.of(CONTROL_ERRORS.TIMEOUT, { command, limit: limitMs }));
      }, limitMs);
      this.calls.set(id, {
        command,
        resolve: (result) => {
          clearTimeout(limit);
          resolve(result);
        },
        reject: (error) => {
          clearTimeout(limit);
          reject(error);
        },
      });
      this.socket.write(writeLine({ id, command, args }));
    });
  }

  /** Ends the connection; open calls reject. Idempotent. */
  close(): void {
    this.socket.destroy();
  }

  private received(chunk: Buffer): void {
    const lines = this.splitter.push(chunk);
    if (lines === 'too-long') this.broken(`a line is longer than ${MAX_RESPONSE_BYTES} bytes`);
    else for (const line of lines) this.line(line);
  }

  private line(line: string): void {
    const response = readResponse(line);
    if (typeof response === 'string') {
      this.broken(response);
      return;
    }
    // Without an id it concerns the connection, so every call on it.
    if (response.id === null) {
      this.failAll(() => (response.ok ? badAnswer('it has no id') : errorOf(response.error)));
      return;
    }
    const call = this.calls.get(Number(response.id));
    if (call === undefined) return;
    this.calls.delete(Number(response.id));
    if (response.ok) call.resolve(response.result);
    else call.reject(errorOf(response.error));
  }

  private broken(detail: string): void {
    this.failAll(() => badAnswer(detail));
    this.socket.destroy();
  }

  private failAll(error: (command: string) => PealError): void {
    const calls = [...this.calls.values()];
    this.calls.clear();
    for (const call of calls) call.reject(error(call.command));
  }
}

const DETAILS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no control socket',
  ECONNREFUSED: 'its process has ended',
  EACCES: 'this user may not use it',
};

function badAnswer(detail: string): PealError {
  return PealError.of(CONTROL_ERRORS.BAD_ANSWER, { detail });
}

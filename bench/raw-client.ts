// A client of Spread's binary protocol with nothing around it: the handshake, then whole frames as they come, so that what
// is measured is the daemon. Works against any Spread daemon.
import { connect, type Socket } from 'node:net';
import { frameBytes } from '../core/wire/frame.js';

const HELLO_VERSION = [4, 4, 0];
const CHOICE_BYTES = 90;
const HEADER_BYTES = 48;

export interface RawEvents {
  /** The daemon has let us in; `self` is our private group. */
  ready(self: string): void;
  /** A whole frame at `at`. */
  frame(bytes: Buffer, at: number, length: number): void;
  /** End of a chunk read. */
  chunk(): void;
  failed(why: string): void;
}

export class RawClient {
  readonly socket: Socket;
  private buffered = Buffer.alloc(0);
  private stage: 'list' | 'answer' | 'frames' = 'list';

  constructor(
    at: { readonly host: string; readonly port: number; readonly name: string },
    private readonly up: RawEvents,
    membership = true,
  ) {
    this.socket = connect({ host: at.host, port: at.port, noDelay: true });
    this.socket.on('connect', () => {
      const name = Buffer.from(at.name, 'latin1');
      this.socket.write(Buffer.concat([Buffer.from([...HELLO_VERSION, membership ? 1 : 0, name.length]), name]));
    });
    this.socket.on('data', (chunk) => this.read(chunk));
    this.socket.on('error', (e) => up.failed(e.message));
    this.socket.on('close', () => up.failed('closed by the daemon'));
  }

  /** Ends the connection; `failed` is not called for it. */
  end(done: () => void): void {
    this.socket.removeAllListeners('close');
    this.socket.end(done);
  }

  private read(chunk: Buffer): void {
    const bytes = this.buffered.length > 0 ? Buffer.concat([this.buffered, chunk]) : chunk;
    let at = this.stage === 'frames' ? 0 : this.handshake(bytes);
    while (this.stage === 'frames' && bytes.length - at >= HEADER_BYTES) {
      const length = frameBytes(bytes, at);
      if (bytes.length - at < length) break;
      this.up.frame(bytes, at, length);
      at += length;
    }
    this.buffered = at === bytes.length ? Buffer.alloc(0) : Buffer.from(bytes.subarray(at));
    this.up.chunk();
  }

  /** Answers how many bytes of `b` it used. */
  private handshake(b: Buffer): number {
    if (b[0]! > 127) {
      this.up.failed(`rejected with ${b[0]! - 256}`);
      return b.length;
    }
    if (this.stage === 'list') {
      if (b.length < 1 + b[0]!) return 0;
      const choice = Buffer.alloc(CHOICE_BYTES);
      choice.write('NULL');
      this.socket.write(choice);
      this.stage = 'answer';
      return 1 + b[0]!;
    }
    if (b.length < 5 || b.length < 5 + b[4]!) return 0;
    this.stage = 'frames';
    this.up.ready(b.toString('latin1', 5, 5 + b[4]!));
    return 5 + b[4]!;
  }
}

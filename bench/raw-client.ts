// A client of Spread's binary protocol with nothing around it: the handshake, then whole frames as they come, so that what
// is measured is the daemon. Works against any Spread daemon.
import { connect, type Socket } from 'node:net';
import { frameBytes } from '../core/wire/frame.js';

const HELLO_VERSION = [4, 4, 0];
const CHOICE_BYTES = 90;
const HEADER_BYTES = 48;
const READ_BYTES = 1 << 18;
/** Of a larger frame only that much is kept until its end is there: to gather it would cost the load process a copy. */
const KEPT_BYTES = 4096;

export interface RawEvents {
  /** The daemon has let us in; `self` is our private group. */
  ready(self: string): void;
  /** A frame at `at` is here; of a large one only the first 4,096 bytes may be left. */
  frame(bytes: Buffer, at: number, length: number): void;
  /** End of a chunk read. */
  chunk(): void;
  failed(why: string): void;
}

export class RawClient {
  readonly socket: Socket;
  /** What was read; the first `held` bytes are the beginning of a frame, and the next read goes behind them. */
  private readonly bytes: Buffer;
  private held = 0;
  /** Bytes of the frame at the front that are still to come and are not kept. */
  private skip = 0;
  private stage: 'list' | 'answer' | 'frames' = 'list';

  constructor(
    at: { readonly host: string; readonly port: number; readonly name: string },
    private readonly up: RawEvents,
    membership = true,
    /** Largest read, bytes, 4096 at least; the default suits streams of messages. */
    readBytes = READ_BYTES,
  ) {
    this.bytes = Buffer.allocUnsafe(readBytes);
    // Always into the same buffer: a fresh one for each read cost the load processes a third of their time.
    const onread = { buffer: () => this.bytes.subarray(this.held), callback: (n: number) => this.read(n) };
    this.socket = connect({ host: at.host, port: at.port, noDelay: true, onread });
    this.socket.on('connect', () => {
      const name = Buffer.from(at.name, 'latin1');
      this.socket.write(Buffer.concat([Buffer.from([...HELLO_VERSION, membership ? 1 : 0, name.length]), name]));
    });
    this.socket.on('error', (e) => up.failed(e.message));
    this.socket.on('close', () => up.failed('closed by the daemon'));
  }

  /** Ends the connection; `failed` is not called for it. */
  end(done: () => void): void {
    this.socket.removeAllListeners('close');
    this.socket.end(done);
  }

  private read(n: number): boolean {
    if (n < this.skip) this.skip -= n;
    else this.frames(this.held + n);
    this.up.chunk();
    return true;
  }

  private frames(to: number): void {
    const { bytes } = this;
    let end = to;
    let at = 0;
    if (this.skip > 0) {
      this.up.frame(bytes, 0, frameBytes(bytes, 0));
      at = this.held + this.skip;
      this.skip = 0;
    } else if (this.stage !== 'frames') at = this.handshake(bytes.subarray(0, end));
    while (this.stage === 'frames' && end - at >= HEADER_BYTES) {
      const length = frameBytes(bytes, at);
      if (end - at >= length) {
        this.up.frame(bytes, at, length);
        at += length;
        continue;
      }
      if (end - at > KEPT_BYTES) {
        this.skip = length - (end - at);
        end = at + KEPT_BYTES;
      }
      break;
    }
    bytes.copyWithin(0, at, end);
    this.held = end - at;
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

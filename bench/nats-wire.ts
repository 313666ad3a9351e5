// The NATS side of client-wire.ts: its text protocol, as far as a load needs it. NATS has no membership, so whoever entered a
// group says hello in it again and again, and counts from whom it hears.
//
//   to the server    CONNECT {..} | SUB group.> 1 | PUB group.m.NAME bytes | PUB group.h.NAME 0
//   from the server  INFO {..} | MSG group.m.NAME 1 bytes | PING; each line ends with CR LF, a body too
import { connect, type Socket } from 'node:net';
import type { Wire, WireAddress, WireEvents } from './client-wire.js';

const LF = 0x0a;
const SPACE = 0x20;
const ZERO = 0x30;
const LETTER_M = 0x4d;
const LETTER_P = 0x50;
const LETTER_I = 0x49;
const LINE_END_BYTES = 2;
const HELLO_MS = 50;
const OPTIONS = { verbose: false, pedantic: false, echo: true };

export class NatsWire implements Wire {
  readonly socket: Socket;
  readonly tailBytes = LINE_END_BYTES;
  headBytes = 0;
  private readonly seen = new Set<string>();
  private readonly ownSubject: Buffer;
  private held = Buffer.alloc(0);
  private begun = false;
  private hello: NodeJS.Timeout | undefined;

  constructor(
    private readonly at: WireAddress,
    private readonly up: WireEvents,
  ) {
    this.ownSubject = Buffer.from(`${at.group}.m.${at.name} `, 'latin1');
    this.socket = connect({ host: at.host, port: at.port, noDelay: true });
    this.socket.on('data', (chunk) => this.read(chunk));
    this.socket.on('error', (e) => up.failed(e.message));
    this.socket.on('close', () => up.failed('closed by the server'));
  }

  join(): void {
    const { group, name } = this.at;
    this.socket.write(`SUB ${group}.> 1\r\n`);
    const say = (): void => void this.socket.write(`PUB ${group}.h.${name} 0\r\n\r\n`);
    say();
    this.hello = setInterval(say, HELLO_MS);
  }

  message(body: Uint8Array): Buffer {
    const head = Buffer.from(`PUB ${this.at.group}.m.${this.at.name} ${body.length}\r\n`, 'latin1');
    this.headBytes = head.length;
    return Buffer.concat([head, body, Buffer.from('\r\n')]);
  }

  end(done: () => void): void {
    clearInterval(this.hello);
    this.socket.removeAllListeners('close');
    this.socket.end(done);
  }

  private read(chunk: Buffer): void {
    const b = this.held.length > 0 ? Buffer.concat([this.held, chunk]) : chunk;
    let at = 0;
    for (;;) {
      const lineEnd = b.indexOf(LF, at);
      if (lineEnd < 0) break;
      let next = lineEnd + 1;
      if (b[at] === LETTER_M) {
        next = this.taken(b, at, lineEnd);
        if (next < 0) break;
      } else this.line(b, at);
      at = next;
    }
    this.held = at === b.length ? Buffer.alloc(0) : Buffer.from(b.subarray(at));
    this.up.chunk();
  }

  /** MSG subject sid bytes; answers where it ends, -1: it is not all here. */
  private taken(b: Buffer, at: number, lineEnd: number): number {
    let bytes = 0;
    let unit = 1;
    for (let i = lineEnd - LINE_END_BYTES; b[i] !== SPACE; i--, unit *= 10) bytes += (b[i]! - ZERO) * unit;
    const end = lineEnd + 1 + bytes + LINE_END_BYTES;
    if (end > b.length) return -1;
    const subject = at + 'MSG '.length;
    const kind = b[subject + this.at.group.length + 1];
    if (kind === 'h'.charCodeAt(0)) {
      this.seen.add(b.toString('latin1', subject, b.indexOf(SPACE, subject)));
      this.up.members(this.seen.size);
      return end;
    }
    const own = b.compare(this.ownSubject, 0, this.ownSubject.length, subject, subject + this.ownSubject.length) === 0;
    this.up.message(own, b, lineEnd + 1);
    return end;
  }

  private line(b: Buffer, at: number): void {
    if (b[at] === LETTER_P && b[at + 1] === LETTER_I) this.socket.write('PONG\r\n');
    if (b[at] === LETTER_I && !this.begun) {
      this.begun = true;
      this.socket.write(`CONNECT ${JSON.stringify(OPTIONS)}\r\n`);
      this.up.ready();
    }
  }
}

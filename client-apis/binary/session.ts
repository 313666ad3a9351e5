// One client connection as a pure machine: bytes in, calls to `SessionOut` out. First the handshake (wire.ts), then
// frames (core/wire/reader.ts). More tolerant than the peer where that harms nobody: hello, choice and frames may come
// in pieces or all at once (docs/spread-differences.md).
//
//   hello -> choice -> authenticating <-> credentials -> frames -> ended
//   hello ----------> authenticating (clients before 3.16)
import type { FrameFault } from '../../core/wire/check.js';
import { NAME_BYTES, writeName } from '../../core/wire/frame.js';
import { FrameReader } from '../../core/wire/reader.js';
import type { StreamState } from '../../core/wire/reader.js';
import {
  CHOICE_BYTES,
  CREDENTIAL_BYTES,
  Reject,
  acceptRecord,
  authList,
  hasAuthentication,
  readChoice,
  readCredentials,
  readHello,
} from './wire.js';
import type { Hello, RejectCode } from './wire.js';

export type AuthMethod = 'NULL' | 'IP' | 'PWORD';

export interface Credentials {
  readonly user: string;
  readonly password: string;
}

/** What the listener is set to. */
export interface SessionRules {
  /** Enabled methods, in the order in which clients are told. */
  readonly allowed: readonly AuthMethod[];
  /** Checked even if the client did not choose them. */
  readonly required: readonly AuthMethod[];
  /** Largest 32 * groups + data, bytes. */
  readonly maxMessageBytes: number;
}

/**
 * Why the connection is over. rejected: the code was written. unready: it ended or fell silent within the handshake.
 * stopping: no new sessions. flooded: too many bytes before the client was accepted. killed: by a KILL frame. closed:
 * the client closed the connection without one. invalid: a frame broke rule `fault`.
 */
export type ConnectionEnd =
  | { readonly kind: 'rejected'; readonly code: RejectCode }
  | { readonly kind: 'unready'; readonly at: HandshakeState }
  | { readonly kind: 'stopping' | 'flooded' | 'killed' | 'closed' }
  | { readonly kind: 'invalid'; readonly fault: FrameFault };

/** Outcome of opening a session: its private group, or why not. */
export type Opened = { readonly privateGroup: string } | 'illegal-name' | 'not-unique' | 'quota' | 'stopping';

/** What the machine may do; all calls are synchronous. */
export interface SessionOut {
  /** Each call is one record of the handshake and leaves in one write. */
  write(bytes: Uint8Array): void;
  nameInUse(name: string): boolean;
  open(name: string, membership: boolean): Opened;
  /** Begins a check; `verified` answers it, at once or later. No input is wanted until then. */
  verify(method: 'IP' | 'PWORD', credentials: Credentials | undefined): void;
  /** A run of whole canonical frames; copied before it returns, unless the memory lasts. */
  run(frames: Uint8Array, messages: number, lasting: boolean): void;
  /** A frame without effect was left out. */
  dropped(): void;
  /** Called once, last. */
  end(end: ConnectionEnd): void;
}

/** More than any handshake and one chunk read behind it: bytes. */
const HANDSHAKE_HELD_BYTES = 1024 * 1024;

/** Who sends that many without an answer waits for none of them. */
const MANY_MESSAGES = 8;

const REJECTS = {
  'illegal-name': Reject.ILLEGAL_NAME,
  'not-unique': Reject.NOT_UNIQUE,
  quota: Reject.QUOTA,
} as const;

/** hello, choice: the client is to say it; credentials: name and password. */
export type HandshakeState = 'hello' | 'choice' | 'authenticating' | 'credentials';
type State = HandshakeState | 'frames' | 'ended';

export class BinarySession {
  private state: State = 'hello';
  private held = new Uint8Array(0);
  private hello: Hello | undefined;
  private methods: readonly string[] = [];
  private method = 0;
  private reader: FrameReader | undefined;

  constructor(
    private readonly rules: SessionRules,
    private readonly out: SessionOut,
  ) {}

  /** Version of the client's library (wire.ts); 0 before it is known. */
  get version(): number {
    return this.hello?.version ?? 0;
  }

  /** Is the handshake over, for good or ill? */
  get settled(): boolean {
    return this.state === 'frames' || this.state === 'ended';
  }

  /** By the last chunk: does the client send large frames? */
  isLarge(): boolean {
    return this.reader?.isLarge ?? false;
  }

  /** Who waits for the rest of a frame that is worth memory that lasts. */
  lasting(): FrameReader | undefined {
    return this.state === 'frames' && this.reader!.wantsLasting ? this.reader : undefined;
  }

  /** By the last chunk: does it send without waiting for each message? */
  isMany(): boolean {
    return this.reader !== undefined && this.reader.lastMessages >= MANY_MESSAGES;
  }

  /** Bytes from the client, given away: changed in place; `lasting`: for ever. */
  received(chunk: Uint8Array, lasting = false): void {
    if (this.state === 'ended') return;
    if (this.reader !== undefined) {
      this.streamed(this.reader.received(chunk, lasting));
      return;
    }
    if (this.held.length + chunk.length > HANDSHAKE_HELD_BYTES) {
      this.end({ kind: 'flooded' });
      return;
    }
    const joined = new Uint8Array(this.held.length + chunk.length);
    joined.set(this.held);
    joined.set(chunk, this.held.length);
    this.held = joined;
    this.advance();
  }

  /** Answer to `out.verify`. */
  verified(ok: boolean): void {
    if (this.state !== 'authenticating') return;
    const method = this.methods[this.method++];
    if (method === 'PWORD') this.out.write(Uint8Array.of(ok ? 1 : 0));
    if (!ok) this.reject(Reject.AUTH);
    else this.authenticate();
  }

  /** The handshake took too long. */
  expired(): void {
    if (!this.settled) this.giveUp();
  }

  /** The client has closed its side. */
  finished(): void {
    if (this.state === 'frames') this.end({ kind: 'closed' });
    else if (this.state !== 'ended') this.giveUp();
  }

  /** The driver has ended the connection for a reason of its own: nothing is called from here on. */
  abandon(): void {
    this.state = 'ended';
    this.held = new Uint8Array(0);
  }

  /** A name that has begun to come and stays incomplete is an illegal name; anything else ends without a word. */
  private giveUp(): void {
    const hello = this.state === 'hello' ? readHello(this.held) : undefined;
    if (hello?.kind === 'more' && hello.named) this.reject(Reject.ILLEGAL_NAME);
    else if (this.state !== 'frames' && this.state !== 'ended') this.end({ kind: 'unready', at: this.state });
  }

  private advance(): void {
    switch (this.state) {
      case 'hello':
        this.readHello();
        break;
      case 'choice':
        if (this.held.length >= CHOICE_BYTES) this.choose(readChoice(this.take(CHOICE_BYTES)));
        break;
      case 'credentials':
        if (this.held.length < CREDENTIAL_BYTES) break;
        this.state = 'authenticating';
        this.out.verify('PWORD', readCredentials(this.take(CREDENTIAL_BYTES)));
        break;
      case 'authenticating':
      case 'frames':
      case 'ended':
        break;
    }
  }

  private take(bytes: number): Uint8Array {
    const taken = this.held.subarray(0, bytes);
    this.held = this.held.subarray(bytes);
    return taken;
  }

  private readHello(): void {
    const hello = readHello(this.held);
    if (hello.kind === 'more') return;
    if (hello.kind === 'reject') {
      this.reject(hello.code);
      return;
    }
    this.hello = hello;
    this.take(hello.bytes);
    if (hello.name !== '' && this.out.nameInUse(hello.name)) {
      this.reject(Reject.NOT_UNIQUE);
    } else if (hasAuthentication(hello.version)) {
      this.out.write(authList(this.rules.allowed));
      this.state = 'choice';
      this.advance();
    } else if (this.rules.allowed.includes('IP')) {
      this.methods = ['IP'];
      this.authenticate();
    } else if (this.rules.allowed.includes('NULL')) {
      this.authenticate();
    } else {
      this.reject(Reject.AUTH);
    }
  }

  private choose(methods: readonly string[]): void {
    const enabled: readonly string[] = this.rules.allowed;
    if (methods.length === 0 || !methods.every((m) => enabled.includes(m))) {
      this.reject(Reject.AUTH);
      return;
    }
    this.methods = [...methods, ...this.rules.required.filter((m) => !methods.includes(m))];
    this.authenticate();
  }

  /** Goes through the methods from the current one on; all must succeed. */
  private authenticate(): void {
    this.state = 'authenticating';
    while (this.methods[this.method] === 'NULL') this.method++;
    const method = this.methods[this.method];
    if (method === undefined) {
      this.accept();
    } else if (method === 'IP') {
      this.out.verify('IP', undefined);
    } else {
      this.state = 'credentials';
      this.advance();
    }
  }

  private accept(): void {
    const hello = this.hello!;
    const opened = this.out.open(hello.name, hello.membership);
    if (opened === 'stopping') {
      this.end({ kind: 'stopping' });
      return;
    }
    if (typeof opened === 'string') {
      this.reject(REJECTS[opened]);
      return;
    }
    this.out.write(acceptRecord(hello.version, opened.privateGroup));
    const sender = new Uint8Array(NAME_BYTES);
    writeName(sender, 0, opened.privateGroup);
    this.reader = new FrameReader({ sender, maxMessageBytes: this.rules.maxMessageBytes }, this.out);
    this.state = 'frames';
    const rest = this.held;
    this.held = new Uint8Array(0);
    if (rest.length > 0) this.streamed(this.reader.received(rest));
  }

  private streamed(state: StreamState): void {
    if (this.state === 'ended') return;
    if (state === 'kill') this.end({ kind: 'killed' });
    else if (state === 'invalid') this.end({ kind: 'invalid', fault: this.reader!.fault });
  }

  private reject(code: RejectCode): void {
    this.out.write(Uint8Array.of(code));
    this.end({ kind: 'rejected', code });
  }

  private end(end: ConnectionEnd): void {
    if (this.state === 'ended') return;
    this.state = 'ended';
    this.held = new Uint8Array(0);
    this.out.end(end);
  }
}

// The client's side of the handshake, pure: bytes in, bytes to write out, until the daemon lets us in (wire.ts has the
// layout). Hello and choice are one write each and never pipelined, which a real Spread needs.
import { AUTH_SLOT_BYTES, AUTH_SLOTS, CHOICE_BYTES, CREDENTIAL_BYTES, USER_BYTES } from '../wire.js';
import { ClientError, codeOfReject } from './errors.js';

/** The protocol version we speak. */
const HELLO_VERSION = [4, 4, 0] as const;
const MEMBERSHIP = 0x01;
const PRIORITY = 0x10;
/** A first byte from here on is a code of refusal. */
const REJECTS_FROM = 0x80;
const ACCEPT = 1;
const NAME_MAX_BYTES = 10;
/** Daemons before this answer without a patch byte: major * 10000 + minor * 100. */
const PATCH_FROM = 31_500;
const OLDEST_DAEMON = 30_100;

export interface Credentials {
  readonly user: string;
  readonly password: string;
}

export interface HandshakeRequest {
  /** 0 to 10 characters; empty: the daemon makes one. */
  readonly name: string;
  readonly membership: boolean;
  readonly priority: boolean;
  /** Methods to choose, in order. */
  readonly auth: readonly ('NULL' | 'IP' | 'PWORD')[];
  readonly credentials: Credentials | undefined;
}

export interface Accepted {
  /** `#name#daemon`. */
  readonly privateGroup: string;
  /** major, minor, patch. */
  readonly version: readonly [number, number, number];
}

type State = 'list' | 'password' | 'answer' | 'done';

function latin1(text: string, bytes: number): Uint8Array {
  const b = new Uint8Array(bytes);
  for (let i = 0; i < Math.min(text.length, bytes); i++) b[i] = text.charCodeAt(i) & 0xff;
  return b;
}

function text(b: Uint8Array, from: number, to: number): string {
  let s = '';
  for (let i = from; i < to; i++) s += String.fromCharCode(b[i]!);
  return s;
}

export class Handshake {
  private state: State = 'list';
  private held = new Uint8Array(0);

  constructor(
    private readonly request: HandshakeRequest,
    private readonly write: (bytes: Uint8Array) => void,
  ) {}

  /** The first write. Throws REJECT_ILLEGAL_NAME for a name that no daemon takes. */
  begin(): void {
    const { name, membership, priority } = this.request;
    if (name.length > NAME_MAX_BYTES || !/^[\x24-\x7e]*$/.test(name))
      throw new ClientError('REJECT_ILLEGAL_NAME', `${JSON.stringify(name)} is no name of a session`);
    const flags = (membership ? MEMBERSHIP : 0) | (priority ? PRIORITY : 0);
    this.write(Uint8Array.of(...HELLO_VERSION, flags, name.length, ...latin1(name, name.length)));
  }

  /** For an error: what of ours the daemon has not answered; empty: anything at all. */
  get unanswered(): string {
    const { auth } = this.request;
    if (this.state === 'list') return '';
    // A daemon that requires a password waits for it, whatever was chosen, and has no way to say so.
    return ` to the authentication with ${auth.join(', ')}${auth.includes('PWORD') ? '' : '; it may require a password'}`;
  }

  /**
   * Bytes of the daemon. Answers, once it is over, who we are and the bytes behind it; before that undefined. Throws
   * a ClientError when we are not let in.
   */
  received(chunk: Uint8Array): { accepted: Accepted; rest: Uint8Array } | undefined {
    const all = new Uint8Array(this.held.length + chunk.length);
    all.set(this.held);
    all.set(chunk, this.held.length);
    this.held = all;
    for (;;) {
      const before = this.held.length;
      const accepted = this.step(this.held);
      if (accepted !== undefined) return { accepted, rest: this.held };
      if (this.held.length === before) return undefined;
    }
  }

  private step(b: Uint8Array): Accepted | undefined {
    const first = b[0];
    if (first === undefined) return undefined;
    if (first >= REJECTS_FROM) {
      const code = codeOfReject(first);
      if (code === undefined)
        throw new ClientError('ILLEGAL_MESSAGE', `the daemon refused with an unknown code ${first - 0x100}`);
      throw new ClientError(code, `the daemon refused ${JSON.stringify(this.request.name)}`);
    }
    switch (this.state) {
      case 'list':
        if (b.length > first)
          this.choose(
            text(b, 1, 1 + first)
              .split(' ')
              .filter(Boolean),
            1 + first,
          );
        return undefined;
      case 'password':
        if (first !== 1) throw new ClientError('REJECT_AUTH', 'user and password were not accepted');
        this.take(1);
        this.state = 'answer';
        return undefined;
      case 'answer':
        return this.answer(b);
      case 'done':
        return undefined;
    }
  }

  private choose(offered: readonly string[], used: number): void {
    const { auth, credentials } = this.request;
    const missing = auth.find((m) => !offered.includes(m));
    if (missing !== undefined)
      throw new ClientError('REJECT_AUTH', `the daemon offers ${offered.join(', ') || 'nothing'}, not ${missing}`);
    const choice = new Uint8Array(CHOICE_BYTES);
    auth.slice(0, AUTH_SLOTS).forEach((m, i) => choice.set(latin1(m, m.length), i * AUTH_SLOT_BYTES));
    this.take(used);
    this.write(choice);
    this.state = 'answer';
    if (!auth.includes('PWORD')) return;
    const bytes = new Uint8Array(CREDENTIAL_BYTES);
    bytes.set(latin1(credentials?.user ?? '', USER_BYTES - 1));
    bytes.set(latin1(credentials?.password ?? '', CREDENTIAL_BYTES - USER_BYTES), USER_BYTES);
    this.write(bytes);
    this.state = 'password';
  }

  private answer(b: Uint8Array): Accepted | undefined {
    if (b[0] !== ACCEPT) throw new ClientError('ILLEGAL_MESSAGE', `the daemon answered with ${b[0]!}`);
    if (b.length < 4) return undefined;
    const major = b[1]!;
    const minor = b[2]!;
    if (major * 10_000 + minor * 100 < OLDEST_DAEMON)
      throw new ClientError('REJECT_VERSION', `the daemon speaks ${major}.${minor}`);
    const patched = major * 10_000 + minor * 100 >= PATCH_FROM;
    const at = patched ? 4 : 3;
    const length = b[at];
    if (length === undefined || b.length < at + 1 + length) return undefined;
    const privateGroup = text(b, at + 1, at + 1 + length);
    this.take(at + 1 + length);
    this.state = 'done';
    return { privateGroup, version: [major, minor, patched ? b[3]! : 0] };
  }

  private take(bytes: number): void {
    this.held = this.held.slice(bytes);
  }
}

// Errors of the client library: the names and numbers of the C library, and what to do.

/** What can go wrong, with the number the C library gives it (0: it has none). */
export const CODES = {
  ILLEGAL_SPREAD: { number: -1, remedy: 'give a port, port@host or the path of a unix socket' },
  COULD_NOT_CONNECT: { number: -2, remedy: 'is a daemon running there, and is the port that of its clients?' },
  REJECT_QUOTA: { number: -3, remedy: 'the daemon has as many sessions as it takes: end some or raise max_sessions' },
  REJECT_NO_NAME: { number: -4, remedy: 'give a name' },
  REJECT_ILLEGAL_NAME: { number: -5, remedy: 'a name has 1 to 10 characters from $ to ~' },
  REJECT_NOT_UNIQUE: {
    number: -6,
    remedy:
      'another session of this daemon has the name, maybe one that is just ending: try again or take another name',
  },
  REJECT_VERSION: { number: -7, remedy: 'the daemon does not speak this version of the protocol' },
  CONNECTION_CLOSED: { number: -8, remedy: 'connect again; the option `reconnect` does it by itself' },
  REJECT_AUTH: { number: -9, remedy: 'the daemon wants another authentication: see its allowed_auth option' },
  ILLEGAL_SESSION: { number: -11, remedy: 'the session has ended: connect again' },
  ILLEGAL_SERVICE: { number: -12, remedy: 'give exactly one service level' },
  ILLEGAL_MESSAGE: { number: -13, remedy: 'the other side does not speak this protocol' },
  ILLEGAL_GROUP: { number: -14, remedy: 'a group name has 1 to 31 characters from $ to ~' },
  BUFFER_TOO_SHORT: { number: -15, remedy: 'call again with a larger buffer, or with drop' },
  MESSAGE_TOO_LONG: {
    number: -17,
    remedy: 'send less, or raise maxMessageBytes here and max_message_bytes of the daemon',
  },
  ILLEGAL_MESSAGE_TYPE: {
    number: -26,
    remedy: 'a type is a signed 16-bit number, with the flush layer from -32765 up',
  },
  ILLEGAL_STATE: { number: -27, remedy: 'nothing may be sent between flush and the next view' },
  ILLEGAL_RECEIVERS: { number: -28, remedy: 'receivers are members of the view' },
  TIMED_OUT: { number: 0, remedy: 'is the host reachable and the daemon alive?' },
} as const;

export type ErrorCode = keyof typeof CODES;

/** Every error this library throws or rejects with, but for an abort, which rejects with the signal's reason. */
export class ClientError extends Error {
  override readonly name = 'ClientError';
  /** The C library's number of it; 0: it has none. */
  readonly number: number;
  readonly remedy: string;

  constructor(
    readonly code: ErrorCode,
    /** What happened, without code and remedy. */
    readonly detail: string,
    options?: ErrorOptions,
  ) {
    super(`${code}: ${detail} (${CODES[code].remedy})`, options);
    this.number = CODES[code].number;
    this.remedy = CODES[code].remedy;
  }
}

/** The code of a reject byte of the handshake; undefined: no such code. */
export function codeOfReject(byte: number): ErrorCode | undefined {
  const number = byte - 0x100;
  for (const [code, c] of Object.entries(CODES)) if (c.number === number) return code as ErrorCode;
  return undefined;
}

/** Why a signal was aborted, as an error. */
export function abortReason(signal: AbortSignal | undefined): Error {
  const why: unknown = signal?.reason;
  return why instanceof Error ? why : new Error(typeof why === 'string' ? why : 'aborted');
}

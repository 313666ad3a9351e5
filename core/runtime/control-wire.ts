// The lines of the control channel: one JSON object per line and direction, bounded. Rules: docs/design/runtime.md, 5.
import { CONTROL_ERRORS, PealError } from '../errors.js';

/** Longest request, bytes. */
export const MAX_REQUEST_BYTES = 64 * 1024;
/** Longest response, bytes. */
export const MAX_RESPONSE_BYTES = 16 * 1024 * 1024;
/** Longest id of a request given as a text, characters. */
const MAX_ID_LENGTH = 64;

export type RequestId = number | string;

export interface ControlRequest {
  readonly id: RequestId;
  readonly command: string;
  readonly args: Readonly<Record<string, unknown>>;
}

export interface ControlFailure {
  readonly code: string;
  readonly message: string;
  readonly remedy: string;
}

/** `id` is null when the request could not be read so far. */
export type ControlResponse =
  | { readonly id: RequestId | null; readonly ok: true; readonly result: unknown }
  | { readonly id: RequestId | null; readonly ok: false; readonly error: ControlFailure };

/** Splits what is read into lines without keeping more than a line. */
export class LineSplitter {
  private parts: Buffer[] = [];
  private bytes = 0;

  constructor(private readonly limit: number) {}

  /** Whole lines of this chunk, without their ends; 'too-long' when one passes the limit. */
  push(chunk: Buffer): readonly string[] | 'too-long' {
    const lines: string[] = [];
    let from = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, from)) {
      if (this.bytes + end - from > this.limit) return 'too-long';
      lines.push(Buffer.concat([...this.parts, chunk.subarray(from, end)]).toString('utf8'));
      this.parts = [];
      this.bytes = 0;
      from = end + 1;
    }
    if (from < chunk.length) {
      this.parts.push(chunk.subarray(from));
      this.bytes += chunk.length - from;
    }
    return this.bytes > this.limit ? 'too-long' : lines;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function idOf(value: unknown): RequestId | null {
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  return typeof value === 'string' && value.length <= MAX_ID_LENGTH ? value : null;
}

/** The request of that line, or what is wrong with it and the id as far as there is one. */
export function readRequest(line: string): ControlRequest | { readonly id: RequestId | null; readonly wrong: string } {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return { id: null, wrong: 'it is no JSON' };
  }
  if (!isRecord(value)) return { id: null, wrong: 'it is no object' };
  const { command, args = {} } = value;
  const id = idOf(value['id']);
  if (id === null) return { id, wrong: `id is no number and no text of at most ${MAX_ID_LENGTH} characters` };
  if (typeof command !== 'string') return { id, wrong: 'command is no text' };
  if (!isRecord(args)) return { id, wrong: 'args is no object' };
  return { id, command, args };
}

/** The response of that line, or what is wrong with it. */
export function readResponse(line: string): ControlResponse | string {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return 'it is no JSON';
  }
  if (!isRecord(value)) return 'it is no object';
  const id = idOf(value['id']);
  if (value['ok'] === true) return { id, ok: true, result: value['result'] };
  const error = value['error'];
  if (value['ok'] !== false || !isRecord(error)) return 'it says neither ok nor what failed';
  const { code, message, remedy } = error;
  if (typeof code !== 'string' || typeof message !== 'string' || typeof remedy !== 'string')
    return 'its error is not complete';
  return { id, ok: false, error: { code, message, remedy } };
}

/** One line, its end included. Numbers beyond 2^53 become texts. */
export function writeLine(value: ControlRequest | ControlResponse): string {
  return `${JSON.stringify(value, (_key, v: unknown) => (typeof v === 'bigint' ? v.toString() : v))}\n`;
}

export function failureOf(error: PealError): ControlFailure {
  return { code: error.code, message: error.message, remedy: error.remedy };
}

/** The error that the other end sent. */
export function errorOf({ code, message, remedy }: ControlFailure): PealError {
  return PealError.of({ code, message: '{text}', remedy }, { text: message });
}

/** A coded error for an argument that a command does not take. */
export function badArgument(command: string, argument: string, detail: string): PealError {
  return PealError.of(CONTROL_ERRORS.BAD_ARGUMENT, { command, argument, detail });
}

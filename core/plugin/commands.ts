// Contract of commands on a text port (docs/design/line.md): a service offers a face, a client API that speaks lines shows
// it. Neither knows the other; the words of a reply are the command's, its form on the wire is the client API's.
import type { Duplex } from 'node:stream';
import type { Bytes } from '../machine/types.js';
import type { HostPort } from './options.js';
import type { Service } from './service.js';

/** `ddd-` before each of `lines`, then `ddd text`. Control characters in it are shown as `?`. */
export interface Reply {
  /** 200 to 599. First digit: 2 done, 3 send more, 4 try later, 5 wrong. */
  readonly code: number;
  readonly lines?: readonly string[];
  readonly text: string;
  /** The connection is closed after it; default false. */
  readonly close?: boolean;
}

/** What follows one answer of a command. A rejection or throw is answered 451 and logged. */
export type Step = Reply | NeedLines | NeedBytes | Upgrade;
export type Steps = Step | Promise<Step>;

interface Need {
  /** More is thrown away, and answered `tooLarge`. Bytes. */
  readonly limitBytes: number;
  readonly tooLarge: Reply;
  /** All of it, in memory of its own: given away. */
  take(bytes: Bytes): Steps;
}

/** Lines up to one with a single `.`, dots removed, each line ended by LF. */
export interface NeedLines extends Need {
  readonly need: 'lines';
  /** 354, normally. */
  readonly reply: Reply;
}

/** The next `count` bytes, at least 1, behind the line or behind the last upload. */
export interface NeedBytes extends Need {
  readonly need: 'bytes';
  readonly count: number;
}

/** From here on the connection is this stream, both ways, half-closed ends included, until either end closes. */
export interface Upgrade {
  readonly reply: Reply;
  /** Destroyed when the client is gone. */
  readonly stream: Duplex;
}

/** One call of a command. */
export interface CommandCall {
  /** Words behind the command, quotes removed; as many as `arguments` allows. */
  readonly args: readonly string[];
  /** Was that word in double quotes? */
  quoted(index: number): boolean;
  /** With `text: true`: the rest of the line behind the words as it came; undefined when there is none. */
  readonly text: Bytes | undefined;
  /** IP address of the client; IPv4 in its own form, never mapped into IPv6. */
  readonly address: string;
  /** For the log, e.g. `127.0.0.1:51234`. */
  readonly from: string;
  /** Aborted when the client is gone or the port closes: what waits for something can give up. */
  readonly gone: AbortSignal;
}

export interface TextCommand<C extends CommandCall = CommandCall> {
  /** Lower case letters, digits and `-`; unique in its face. */
  readonly name: string;
  readonly aliases?: readonly string[];
  /** What stands behind the name in help, e.g. `<size> [group]`. */
  readonly usage?: string;
  /** Least and most words; default none. Others are answered 501 with the usage. */
  readonly arguments?: readonly [least: number, most: number];
  /** What is behind the most words is text, not interpreted; default false. */
  readonly text?: boolean;
  /** One line for the summary, without a final period. */
  readonly help: string;
  /** Lines for `help NAME`. */
  readonly details?: readonly string[];
  run(call: C): Steps;
}

/** A part of the page for browsers; both are plain text. */
export interface PageSection {
  readonly title: string;
  readonly lines: readonly string[];
}

/** What a service shows of itself on a text port. */
export interface CommandFace {
  /** Over its commands in help. */
  readonly title: string;
  readonly commands: readonly TextCommand[];
  /** Text behind 220; default: that of the port. */
  greeting?(): string;
  page?(): readonly PageSection[] | Promise<readonly PageSection[]>;
  /** Where the port listens when its own options say nothing; `host` empty: all addresses of the machine. */
  address?(): HostPort | undefined;
}

/** The face of a service that has one; undefined for others. */
export function faceOf(service: Service | undefined): CommandFace | undefined {
  const face = (service as { readonly face?: Partial<CommandFace> } | undefined)?.face;
  return Array.isArray(face?.commands) ? (face as CommandFace) : undefined;
}

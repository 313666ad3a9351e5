// What a plugin may reach of the world: one interface and one token of the same name per port. Plugins of every kind
// get these from their scope and from nowhere else, so that tests and the simulator can put others in their place.
import type { Address } from './medium.js';
import type { Sessions as SessionsPort } from './client.js';
import type { EventLoop as LoopPort } from './loop.js';

/**
 * A key of the container that carries the type of what stands behind it. Symbols of `Symbol.for`, so that two copies
 * of the SDK agree.
 */
export type Token<T> = symbol & { readonly __port?: T };

/** The token of that name; `name` is unique among all ports of this project. */
export function token<T>(name: string): Token<T> {
  return Symbol.for(`peal.${name}`);
}

export interface Clock {
  /** Milliseconds, monotonic, integer. Never compare with wall time. */
  nowMs(): number;
  /** Milliseconds since 1970; may jump either way. */
  wallMs(): number;
}
export const Clock: Token<Clock> = token('Clock');

/** A timer that has been set; opaque. */
export type TimerHandle = object;

export interface Timers {
  /** Calls `fn` once, `ms` from now at the earliest. The kernel cancels what is left when the plugin has stopped. */
  set(ms: number, fn: () => void): TimerHandle;
  /** Idempotent; a timer that has fired may be cancelled. */
  cancel(timer: TimerHandle): void;
}
export const Timers: Token<Timers> = token('Timers');

export interface Random {
  /** Uniform, 0 to 2^32 - 1. */
  u32(): number;
  /** Uniform, from 0 up to but not including 1. */
  real(): number;
  /** Fit for keys and challenges; at most 65536 bytes. */
  bytes(count: number): Uint8Array;
}
export const Random: Token<Random> = token('Random');

export type LogLevel = 'error' | 'warn' | 'info' | 'debug';
export const LOG_LEVELS: readonly LogLevel[] = ['error', 'warn', 'info', 'debug'];

/** Plain values only: they are written after the message as key=value. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

/** Each plugin has its own, named after its section. Messages are one sentence without a final period. */
export interface Logger {
  error(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  debug(message: string, fields?: LogFields): void;
  /** True when `debug` writes: ask before building an expensive message. */
  readonly verbose: boolean;
  /** The logger of a part, `name.part`. */
  child(part: string): Logger;
}
export const Logger: Token<Logger> = token('Logger');

export interface Command {
  /** Path of a program, or a name looked up in PATH. Data goes to standard input, never in here. */
  readonly file: string;
  readonly args?: readonly string[];
  /** Added to the daemon's own environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Default: the root directory. */
  readonly cwd?: string;
  /** Written to standard input, then closed; a command that does not read everything is no failure. */
  readonly input?: readonly Uint8Array[];
  /** Then SIGTERM to the process group, and SIGKILL `killAfterMs` later; `run` waits until the group is gone. 0: never. */
  readonly timeoutMs?: number;
  /** Default 5000. */
  readonly killAfterMs?: number;
  /** Aborting ends the command as its timeout does. */
  readonly signal?: AbortSignal;
  /**
   * Keep what it writes to standard output, up to that many bytes; more ends it as its timeout does. `run` then waits until
   * nobody can write there any more, children of the command included. Default 0: the output goes nowhere.
   */
  readonly outputBytes?: number;
}

export interface CommandResult {
  /** Exit status, undefined when it ended by a signal. */
  readonly status: number | undefined;
  readonly signal: string | undefined;
  /** It was ended: by its time limit, by `signal`, or for too much output. */
  readonly timedOut: boolean;
  /** What it wrote, when that was asked for. */
  readonly output?: Uint8Array;
}

/** Runs commands in a process group of their own; their output goes nowhere unless it is asked for. */
export interface Process {
  /** Rejects only when the command cannot be started at all. */
  run(command: Command): Promise<CommandResult>;
}
export const Process: Token<Process> = token('Process');

/** Who this daemon is, and the canonical list it is in. */
export interface DaemonInfo {
  /** 1 to 19 bytes, each 0x24 to 0x7e, no '#'. */
  readonly name: string;
  /** Own line of the list. */
  readonly address: Address;
  /** The canonical daemon list in the order of the file; daemons with different lists do not talk. */
  readonly list: readonly Address[];
  /** 32-bit hash of order, names, addresses and link ports of the list. */
  readonly listHash: number;
  /** Own folder for files and sockets, absolute, mode 0700; made by the kernel before any plugin starts. */
  readonly stateDir: string;
}
export const DaemonInfo: Token<DaemonInfo> = token('DaemonInfo');

/** For plugins whose users may end the daemon. */
export interface Shutdown {
  /**
   * Asks for the orderly end of this daemon, as SIGTERM does: answers at once, and the plugin's own `stop` is called in its
   * turn. `why` is for the log. Idempotent.
   */
  ask(why: string): void;
}
export const Shutdown: Token<Shutdown> = token('Shutdown');

/** The way in for clients: every client API and service has it. */
export type Sessions = SessionsPort;
export const Sessions: Token<Sessions> = token('Sessions');

/** The prioritised event loop: what feeds the daemon attaches here, so that it can be paused. */
export type EventLoop = LoopPort;
export const EventLoop: Token<EventLoop> = token('EventLoop');

// [client.binary] at work: what the options mean together, the listener, its refusals, and status.
import { PealError } from 'peal/plugin';
import type { AppendLog, ClientApi, Clock, EventLoop, Logger, OptionsOf, Sessions, Store } from 'peal/plugin';
import { BINARY_ERRORS } from './errors.js';
import { Listener } from './listener.js';
import type { OPTIONS } from './options.js';
import { Refusals } from './refusals.js';
import type { AuthMethod } from './session.js';
import { Verifier } from './verifier.js';

export type BinaryOptions = OptionsOf<typeof OPTIONS>;

/** What the API needs of its scope. */
export interface BinaryPorts {
  readonly section: string;
  readonly sessions: Sessions;
  readonly loop: EventLoop;
  readonly log: Logger;
  readonly clock: Clock;
  readonly store: Store | undefined;
}

/** The word for nothing in `host` and `unix_socket`. */
const OFF = 'off';
/** The order in which clients are told the enabled methods. */
const METHODS: readonly AuthMethod[] = ['NULL', 'IP', 'PWORD'];

export class BinaryApi implements ClientApi {
  private readonly listener: Listener;
  private readonly refusals: Refusals;
  private readonly spillStore: Store | undefined;
  /** At most what the daemon carries. */
  private readonly maxMessageBytes: number;

  /** Throws a coded error when options do not go together. */
  constructor(
    ports: BinaryPorts,
    private readonly o: BinaryOptions,
  ) {
    const { section, sessions, loop, log, clock } = ports;
    this.spillStore = o.slowReader === 'spill' ? ports.store : undefined;
    this.refusals = new Refusals(log, clock);
    this.maxMessageBytes = Math.min(o.maxMessageBytes, sessions.maxMessageBytes);
    const [allowed, required] = authMethods(o);
    const hosts = o.host.filter((host) => host !== OFF);
    if (hosts.length === 0 && o.unixSocket === OFF) throw PealError.of(BINARY_ERRORS.NOTHING, { section });
    const verifier = new Verifier(this.refusals, o.accessIpFile, o.accessPwordFile);
    const host = {
      section,
      sessions,
      loop,
      log,
      refusals: this.refusals,
      rules: { allowed, required, maxMessageBytes: this.maxMessageBytes },
      handshakeTimeoutMs: o.handshakeTimeoutMs,
      oldClientViews: o.oldClientViews,
      outbound: {
        policy: o.slowReader,
        limitMessages: o.maxSessionMessages,
        limitBytes: o.maxSessionBytes,
        blockLimitMs: o.blockLimitMs,
      },
      spill: spillLogs(o, ports.store),
      verify: verifier.verify.bind(verifier),
    };
    const { port, unixSocket, maxHandshakes } = o;
    this.listener = new Listener(host, { hosts, port, unixSocket, maxHandshakes });
  }

  async start(): Promise<void> {
    // What a former life of the daemon spilled belongs to nobody, and a storage on disk still has it.
    if (this.spillStore !== undefined)
      for (const log of await this.spillStore.logs()) await this.spillStore.log(log).drop();
    await this.listener.open();
  }

  stop(): Promise<void> {
    return this.listener.close();
  }

  addresses(): readonly string[] {
    return this.listener.addresses;
  }

  describe(): Readonly<Record<string, string | number>> {
    return {
      addresses: this.addresses().join(' '),
      connections: this.listener.size,
      max_message_bytes: this.maxMessageBytes,
      slow_reader: this.o.slowReader,
      ...this.refusals.all(),
    };
  }
}

/** The allowed and the required methods. */
function authMethods(o: BinaryOptions): [readonly AuthMethod[], readonly AuthMethod[]] {
  const missing = o.requiredAuth.find((method) => !o.allowedAuth.includes(method));
  if (missing !== undefined) throw PealError.of(BINARY_ERRORS.AUTH_REQUIRED, { method: missing });
  return [METHODS.filter((m) => o.allowedAuth.includes(m)), METHODS.filter((m) => o.requiredAuth.includes(m))];
}

function spillLogs(o: BinaryOptions, store: Store | undefined): ((session: number) => AppendLog) | undefined {
  if (o.slowReader !== 'spill') return undefined;
  if (store === undefined) throw PealError.of(BINARY_ERRORS.NO_STORAGE, {});
  return (session) => store.log(`session-${session}`);
}

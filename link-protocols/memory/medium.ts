// The memory medium: daemons of one process, without sockets (README.md).
import type { Address, Bytes, Identity, Medium, MediumUp, Plane } from 'peal/plugin';
import { PealError } from 'peal/plugin';
import { MEMORY_ERRORS } from './errors.js';
import type { Hub, Port } from './hub.js';
import { hubNamed } from './hub.js';

export interface MemoryOptions {
  readonly hub: string;
  readonly maxMessageBytes: number;
  readonly queueBytes: number;
}

export class MemoryMedium implements Medium {
  readonly maxBytes: number;
  readonly stream = true;
  readonly #options: MemoryOptions;
  #hub: Hub | undefined;
  #port: Port | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: MemoryOptions) {
    this.#options = options;
    this.maxBytes = options.maxMessageBytes;
  }

  open(self: Identity, up: MediumUp): Promise<void> {
    const { hub: name, queueBytes } = this.#options;
    const hub = hubNamed(name);
    const port: Port = { identity: self, up, wanted: new Set(), queueBytes };
    if (!hub.join(port)) {
      const values = { name: self.address.name, hub: name };
      return Promise.reject(PealError.of(MEMORY_ERRORS.IN_USE, values));
    }
    this.#hub = hub;
    this.#port = port;
    return Promise.resolve();
  }

  peers(all: readonly Address[]): void {
    const port = this.#port;
    if (port === undefined) return;
    const own = port.identity.address.place;
    this.#hub?.wants(port, new Set(all.map((a) => a.place).filter((place) => place !== own)));
  }

  send(to: number | 'all', plane: Plane, head: Bytes, body?: Bytes): boolean {
    const bytes = body === undefined || body.length === 0 ? head : joined(head, body);
    if (bytes.length > this.maxBytes) throw new Error(`memory: ${bytes.length} bytes, limit ${this.maxBytes}`);
    const [hub, port] = [this.#hub, this.#port];
    if (hub === undefined || port === undefined || this.#closing !== undefined) return true;
    if (to !== 'all') return hub.send(port, to, plane, bytes);
    let everybody = true;
    for (const peer of port.wanted) everybody = hub.send(port, peer, plane, bytes) && everybody;
    return everybody;
  }

  sever(peer: number): void {
    const own = this.#port?.identity.address.place;
    if (own !== undefined && own !== peer && this.#closing === undefined) this.#hub?.sever(own, peer);
  }

  close(): Promise<void> {
    this.#closing ??= new Promise((resolve) => {
      if (this.#hub === undefined || this.#port === undefined) resolve();
      else this.#hub.leave(this.#port, resolve);
    });
    return this.#closing;
  }

  describe(): Record<string, string | number | boolean> {
    const [hub, port] = [this.#hub, this.#port];
    const status: Record<string, string | number | boolean> = { hub: this.#options.hub };
    if (hub === undefined || port === undefined) return status;
    const own = port.identity.address.place;
    status['connected'] = [...port.wanted].filter((peer) => hub.connected(own, peer)).length;
    status['queued_control_bytes'] = hub.queued(own, 'control');
    status['queued_data_bytes'] = hub.queued(own, 'data');
    return status;
  }
}

function joined(head: Bytes, body: Bytes): Bytes {
  const all = new Uint8Array(head.length + body.length);
  all.set(head);
  all.set(body, head.length);
  return all;
}

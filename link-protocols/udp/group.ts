// The multicast group: one socket connected to it that sends, one bound to it that hears. Several daemons of one machine
// share its port.
import type { Socket } from 'node:dgram';
import { isIPv4 } from 'node:net';
import type { Address, HostPort } from 'peal/plugin';
import { PealError, reasonOf } from 'peal/plugin';
import { UDP_ERRORS } from './errors.js';
import type { Line } from './line.js';
import { type Buffers, closed, connected, listen, type Taker } from './socket.js';

export interface GroupOptions {
  readonly multicastInterface: string;
  readonly multicastTtl: number;
  readonly multicastLoopback: boolean;
}

/** The group with its port; undefined: none is wanted. Throws a coded error for what is no group. */
export function groupAddress(wanted: HostPort | undefined, port: number): HostPort | undefined {
  if (wanted === undefined) return undefined;
  const group = { host: wanted.host, port: wanted.port || port };
  const first = isIPv4(group.host) ? Number(group.host.split('.')[0]) : 0;
  const refuse = (detail: string): PealError => PealError.of(UDP_ERRORS.GROUP, { group: group.host, detail });
  if (first < 224 || first > 239) throw refuse('it is not an IPv4 multicast address');
  return group;
}

export class Group {
  readonly text: string;
  #in: Socket | undefined;

  constructor(
    private readonly address: HostPort,
    private readonly options: GroupOptions,
    /** What is sent to the group. */
    readonly line: Line,
  ) {
    this.text = `${address.host}:${address.port}`;
  }

  get open(): boolean {
    return this.line.open;
  }

  /** Joins. Rejects with a coded error. */
  async join(self: Address, buffers: Buffers, take: Taker): Promise<void> {
    const { host, port } = this.address;
    const { multicastInterface, multicastTtl, multicastLoopback } = this.options;
    const through = multicastInterface === '' ? self.host : multicastInterface;
    let out: Socket | undefined;
    try {
      this.#in = await listen(host, port, buffers, take);
      this.#in.addMembership(host, through);
      // Bound to our own address and port, so that the others know whose it is.
      out = await listen(self.host, self.port, buffers, take);
      out.setMulticastInterface(through);
      out.setMulticastTTL(multicastTtl);
      out.setMulticastLoopback(multicastLoopback);
      await connected(out, host, port);
      await this.line.use(out);
    } catch (cause) {
      if (out !== undefined) await closed(out);
      await this.close();
      const values = { group: this.text, interface: through, detail: reasonOf(cause) };
      throw PealError.of(UDP_ERRORS.JOIN, values, { cause });
    }
  }

  /** No longer hears. */
  async close(): Promise<void> {
    const socket = this.#in;
    this.#in = undefined;
    if (socket !== undefined) await closed(socket);
  }
}

// Channels between applications at two sites (docs/design/flood.md, section 10): a connection of purpose `sync`; SYNC asks,
// SYNC answers, and from then on it carries raw bytes that are the driver's business.
import type { Bytes } from 'peal/plugin';
import { ErrorCode, type Sync } from '../wire/frames.js';
import type { Connection } from './connection.js';
import type { Connections } from './connections.js';
import type { Context } from './context.js';
import { CHANNEL_LIMIT_MS } from './limits.js';
import type { Sites } from './sites.js';
import type { ChannelFailure } from './types.js';

interface Call {
  readonly ticket: number;
  readonly reason: string;
}

export class Channels {
  private tickets = 0;
  private readonly calls = new Map<Connection, Call>();

  constructor(
    private readonly ctx: Context,
    private readonly sites: Sites,
    private readonly connections: Connections,
  ) {}

  connect(site: string, reason: string): number {
    const ticket = ++this.tickets;
    const s = this.sites.get(site);
    if (s === undefined || site === this.ctx.self) {
      this.ctx.after(`channel ${ticket}`, 0, () => this.ctx.ports.channelFailed(ticket, 'unknown-site'));
      return ticket;
    }
    const c = this.connections.dial(s.definition, 'sync');
    this.calls.set(c, { ticket, reason });
    this.ctx.after(`channel ${ticket}`, CHANNEL_LIMIT_MS, () => this.fail(c, 'timeout'));
    return ticket;
  }

  opened(c: Connection): void {
    const call = this.calls.get(c);
    if (call !== undefined) this.connections.send(c, { kind: 'sync', to: c.site, reason: call.reason });
  }

  /** Asked by a peer, or the answer to our own question. */
  on(c: Connection, f: Sync): void {
    if (c.purpose !== 'sync') this.connections.broken(c, 'sync on another connection');
    else if (c.dialled) {
      if (this.calls.has(c)) this.connections.toRaw(c);
    } else if (f.to === this.ctx.self && this.ctx.ports.canServe(c.site, f.reason)) {
      this.connections.send(c, { kind: 'sync', to: c.site, reason: f.reason });
      this.connections.toRaw(c);
    } else
      this.connections.refuse(c, {
        code: ErrorCode.notServed,
        text: 'nobody serves here',
        incarnation: 0,
        clash: false,
      });
  }

  /** It is a channel; `first` came behind the SYNC. */
  raw(c: Connection, first: Bytes): void {
    const ticket = this.calls.get(c)?.ticket;
    this.calls.delete(c);
    if (ticket !== undefined) this.ctx.timers.cancel(`channel ${ticket}`);
    this.ctx.ports.channel(c.id, c.site, ticket, first);
  }

  onError(c: Connection): void {
    this.fail(c, 'not-served');
  }

  ended(c: Connection): void {
    this.fail(c, 'unreachable');
  }

  private fail(c: Connection, why: ChannelFailure): void {
    const call = this.calls.get(c);
    if (call === undefined) return;
    this.calls.delete(c);
    this.ctx.timers.cancel(`channel ${call.ticket}`);
    this.connections.close(c, why);
    this.ctx.ports.channelFailed(call.ticket, why);
  }
}

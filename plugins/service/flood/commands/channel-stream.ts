// A channel to an application at another site (docs/floodd.md, resynchronisation) as a stream, which is how the text port hands its connection
// over. A channel ends as a whole: when either end closes, both are closed.
import { Duplex } from 'node:stream';
import type { Channel, ChannelSink } from '../service.js';

export class ChannelStream extends Duplex {
  /** What the channel tells. */
  readonly sink: ChannelSink = {
    received: (bytes) => this.received(bytes),
    drained: () => this.drained(),
    closed: () => this.ended(),
  };
  private channel: Channel | undefined;
  private finished = false;
  private paused = false;
  private waiting: (() => void) | undefined;

  constructor() {
    super({ allowHalfOpen: false });
  }

  /** The channel that has `sink`. Called once, before anything is read or written. */
  attach(channel: Channel): this {
    this.channel = channel;
    return this;
  }

  // ---- from the channel ------------------------------------------------------------------------------------------

  private received(bytes: Uint8Array): void {
    if (this.finished || this.push(bytes) || this.channel === undefined) return;
    this.paused = true;
    this.channel.pause(true);
  }

  private drained(): void {
    const go = this.waiting;
    this.waiting = undefined;
    go?.();
  }

  private ended(): void {
    if (this.finished) return;
    this.finished = true;
    this.push(null);
    this.drained();
  }

  // ---- from the text port ----------------------------------------------------------------------------------------

  override _read(): void {
    if (!this.paused) return;
    this.paused = false;
    if (!this.finished) this.channel?.pause(false);
  }

  override _write(chunk: Uint8Array, _encoding: string, done: () => void): void {
    if (this.finished || this.channel === undefined || this.channel.write(chunk)) done();
    else this.waiting = done;
  }

  override _final(done: () => void): void {
    this.finish();
    done();
    this.push(null);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.finish();
    this.drained();
    done(error);
  }

  private finish(): void {
    if (this.finished) return;
    this.finished = true;
    this.channel?.end();
  }
}

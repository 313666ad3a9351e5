// Messages made before they are sent, from a pattern: what the Java library calls a message factory. Pure.
import type { Body } from './encoder.js';
import type { Level } from './events.js';

/** A message to be sent with `Session.send`. */
export interface Outgoing {
  readonly level: Level;
  readonly groups: string | readonly string[];
  readonly data: Body;
  /** Signed 16 bit. Default 0. */
  readonly type?: number;
  /** Not to ourselves. Default false. */
  readonly selfDiscard?: boolean;
}

/** Makes messages that are alike but for what is told each time. */
export class MessageFactory {
  /** `pattern`: level (default agreed), destinations (default none), type, data (default empty) of every message. */
  constructor(private readonly pattern: Partial<Outgoing> = {}) {}

  create(own: Partial<Outgoing> = {}): Outgoing {
    return { level: 'agreed', groups: [], data: '', ...this.pattern, ...own };
  }
}

// What the load processes need of a client's wire, so that the same load runs against any system: enter a group, prepare
// one message, be told of messages. Kept thin: between socket and count there is a walk over headers and nothing else.
import type { Socket } from 'node:net';
import {
  buildFrame,
  frameService,
  GROUPS_COUNT_OFFSET,
  HEADER_BYTES,
  NAME_BYTES,
  readName,
  SENDER_OFFSET,
} from '../core/wire/frame.js';
import { Service } from '../core/wire/frame.js';
import { NatsWire } from './nats-wire.js';
import { RawClient } from './raw-client.js';

const WORD_BYTES = 4;
const NAME_WORDS = NAME_BYTES / WORD_BYTES;

/** Where a load process connects, and as whom. */
export interface WireAddress {
  readonly host: string;
  readonly port: number;
  readonly name: string;
  readonly group: string;
  /** Default: the binary API of ours and Spread's. */
  readonly wire?: 'spread' | 'nats';
}

export interface WireEvents {
  /** Connected. */
  ready(): void;
  /** So many members of the group are seen, with us. */
  members(n: number): void;
  /** A message came; its body begins at `bodyAt`. */
  message(own: boolean, bytes: Buffer, bodyAt: number): void;
  /** End of a chunk read. */
  chunk(): void;
  failed(why: string): void;
}

export interface Wire {
  readonly socket: Socket;
  /** Enters the group. */
  join(): void;
  /** A whole message with that body, to be written as often as wanted. After `ready`. */
  message(body: Uint8Array, service: number): Buffer;
  /** Bytes of a whole message before its body, and behind it. */
  readonly headBytes: number;
  readonly tailBytes: number;
  /** Ends the connection; `failed` is not called for it. */
  end(done: () => void): void;
}

export function connectWire(at: WireAddress, up: WireEvents): Wire {
  return at.wire === 'nats' ? new NatsWire(at, up) : new SpreadWire(at, up);
}

class SpreadWire implements Wire {
  readonly headBytes = HEADER_BYTES + NAME_BYTES;
  readonly tailBytes = 0;
  readonly socket: Socket;
  private readonly raw: RawClient;
  private readonly own = new Int32Array(NAME_WORDS);
  private self = '';

  constructor(
    private readonly at: WireAddress,
    private readonly up: WireEvents,
  ) {
    this.raw = new RawClient(at, {
      ready: (self) => {
        this.self = self;
        const name = Buffer.alloc(NAME_BYTES);
        name.write(self, 'latin1');
        for (let i = 0; i < NAME_WORDS; i++) this.own[i] = name.readInt32LE(i * WORD_BYTES);
        up.ready();
      },
      frame: (bytes, at) => this.take(bytes, at),
      chunk: () => up.chunk(),
      failed: (why) => up.failed(why),
    });
    this.socket = this.raw.socket;
  }

  join(): void {
    this.socket.write(buildFrame({ service: Service.JOIN, sender: this.self, groups: [this.at.group] }));
  }

  message(body: Uint8Array, service: number): Buffer {
    return Buffer.from(buildFrame({ service, sender: this.self, groups: [this.at.group], body }));
  }

  end(done: () => void): void {
    this.raw.end(done);
  }

  private take(b: Buffer, at: number): void {
    const service = frameService(b, at);
    if ((service & Service.REGULAR) !== 0) {
      this.up.message(
        this.isOwn(b, at + SENDER_OFFSET),
        b,
        at + HEADER_BYTES + NAME_BYTES * b.readUInt32LE(at + GROUPS_COUNT_OFFSET),
      );
    } else if ((service & Service.REG_MEMB) !== 0 && readName(b, at + SENDER_OFFSET) === this.at.group)
      this.up.members(b.readUInt32LE(at + GROUPS_COUNT_OFFSET));
  }

  /** In words: a call of Buffer.compare costs more than all else that is done for a message. */
  private isOwn(b: Buffer, at: number): boolean {
    for (let i = 0; i < NAME_WORDS; i++) if (b.readInt32LE(at + i * WORD_BYTES) !== this.own[i]) return false;
    return true;
  }
}

// The ring: a link that orders (docs/design/ring.md). A circulating token gives the right to number packs, says who misses
// what and what everybody has, and bounds what is in flight. This file is its shell: one run for each configuration.
import type { Bytes, Configuration, Frozen, Link, LinkUp, Pack, Packing } from 'peal/plugin';
import { WINDOW_BYTES } from './limits.js';
import { packingFor } from './parts.js';
import { Run } from './run.js';
import { DATA_HEAD_BYTES } from './wire.js';

export interface RingOptions {
  /** Bytes of all members in one rotation of the token; raised to one largest pack. Default 192 KiB. */
  readonly windowBytes?: number;
  /** Bytes that a member sends after it has passed the token on; the rest leaves before. Default: half the window. */
  readonly acceleratedBytes?: number;
}

const NOTHING: Frozen = { unsent: [], behind: [] };

class Ring implements Link {
  readonly totalOrder = true;
  readonly overheadBytes = DATA_HEAD_BYTES;
  readonly #windowBytes: number;
  readonly #acceleratedBytes: number;
  #run: Run | undefined;

  constructor(options: RingOptions) {
    this.#windowBytes = options.windowBytes ?? WINDOW_BYTES;
    this.#acceleratedBytes = options.acceleratedBytes ?? this.#windowBytes >>> 1;
  }

  packing(roomBytes: number): Packing {
    return packingFor(roomBytes);
  }

  install(configuration: Configuration, up: LinkUp): void {
    this.freeze();
    this.#run = new Run(configuration, this.#windowBytes, this.#acceleratedBytes, up);
    this.#run.start();
  }

  submit(pack: Pack): void {
    if (this.#run === undefined) throw new Error('ring: submit outside a configuration');
    this.#run.submit(pack);
  }

  received(from: number, bytes: Bytes): void {
    this.#run?.received(from, bytes);
  }

  timer(key: number): void {
    this.#run?.timer(key);
  }

  writable(peer: number | 'all'): void {
    this.#run?.writable(peer);
  }

  reconnected(peer: number): void {
    this.#run?.reconnected(peer);
  }

  flush(): void {
    this.#run?.flush();
  }

  freeze(): Frozen {
    const frozen = this.#run?.freeze() ?? NOTHING;
    this.#run = undefined;
    return frozen;
  }

  describe(): string {
    return this.#run?.describe() ?? 'ring idle';
  }
}

/** A fresh ring, in no configuration yet. */
export function createRing(options: RingOptions = {}): Link {
  return new Ring(options);
}

// The core's own link: reliable, per-sender ordered packs over any medium (docs/design/mesh.md).
import type { Bytes, Configuration, Frozen, Link, LinkUp, Pack } from '../types.js';
import { DATAGRAM_WINDOW_BYTES, STREAM_WINDOW_BYTES } from './limits.js';
import { Run } from './run.js';
import { DATA_HEAD_BYTES } from './wire.js';

export interface MeshOptions {
  /** Does the medium carry streams (no loss until a break) or datagrams? */
  readonly stream: boolean;
  /**
   * Bytes of own packs not yet acknowledged by everybody; raised to one largest pack. Default 2 MiB on streams, 96 KiB
   * on datagrams, where it must stay under the smallest receive buffer.
   */
  readonly windowBytes?: number;
}

const NOTHING: Frozen = { unsent: [], behind: [] };

class Mesh implements Link {
  readonly totalOrder = false;
  readonly overheadBytes = DATA_HEAD_BYTES;
  readonly #stream: boolean;
  readonly #windowBytes: number;
  #run: Run | undefined;

  constructor(options: MeshOptions) {
    this.#stream = options.stream;
    this.#windowBytes = options.windowBytes ?? (options.stream ? STREAM_WINDOW_BYTES : DATAGRAM_WINDOW_BYTES);
  }

  install(configuration: Configuration, up: LinkUp): void {
    this.freeze();
    this.#run = new Run(configuration, this.#stream, this.#windowBytes, up);
    this.#run.start();
  }

  submit(pack: Pack): void {
    if (this.#run === undefined) throw new Error('mesh: submit outside a configuration');
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
    this.#run?.shut();
    this.#run = undefined;
    return NOTHING;
  }

  describe(): string {
    return this.#run?.describe() ?? 'mesh idle';
  }
}

/** A fresh mesh, in no configuration yet. */
export function createMesh(options: MeshOptions): Link {
  return new Mesh(options);
}

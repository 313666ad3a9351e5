// The clusters of a run of the bench: started when a row first wants them, shared by rows of the same shape, stopped when
// no later row has a use for them.
import { type Cluster, stop } from './cluster.js';
import type { Row } from './row.js';
import { VARIANTS, type VariantName } from './variants.js';

const THREE = 3;

function keyOf(variant: string, row: Row): string {
  return JSON.stringify([variant, row.daemons ?? THREE, row.largest]);
}

export class Clusters {
  private readonly open = new Map<string, Cluster>();
  /** Preparations that were done, by cluster. */
  private readonly prepared = new WeakMap<Cluster, Set<unknown>>();
  private serial = 0;

  /** Runs `fn` on that row's cluster; `serial` is new with every call. */
  async with<T>(variant: VariantName, row: Row, fn: (c: Cluster, serial: number) => Promise<T>): Promise<T> {
    if (row.fresh === true) {
      const c = await this.start(variant, row);
      try {
        return await fn(c, ++this.serial);
      } finally {
        await stop(c);
      }
    }
    const key = keyOf(variant, row);
    let c = this.open.get(key);
    if (c === undefined) {
      c = await this.start(variant, row);
      this.open.set(key, c);
    }
    await this.prepare(c, row);
    return await fn(c, ++this.serial);
  }

  /** Stops all that none of these rows uses. */
  async keepOnly(rows: readonly Row[]): Promise<void> {
    const keys = new Set(rows.filter((r) => r.fresh !== true).flatMap((r) => r.variants.map((v) => keyOf(v, r))));
    for (const [key, c] of this.open) {
      if (keys.has(key)) continue;
      this.open.delete(key);
      await stop(c);
    }
  }

  private start(variant: VariantName, row: Row): Promise<Cluster> {
    return VARIANTS[variant].start({ daemons: row.daemons ?? THREE, largest: row.largest });
  }

  /** Once for each cluster and kind of preparation, whatever row comes first of those that want it. */
  private async prepare(c: Cluster, row: Row): Promise<void> {
    if (row.prepare === undefined) return;
    const done = this.prepared.get(c) ?? new Set();
    this.prepared.set(c, done);
    if (done.has(row.prepare)) return;
    done.add(row.prepare);
    await row.prepare(c, ++this.serial);
  }
}

// A set of message ids: a bit for each, in pages. Every delivery of a run is in one of these, so they must be small.

const PAGE_SHIFT = 10;
const PAGE_WORDS = 2 ** (PAGE_SHIFT - 5);

export class IdSet {
  private readonly pages = new Map<number, Uint32Array>();

  /** `id`: an unsigned 32-bit integer. */
  has(id: number): boolean {
    const word = this.pages.get(id >>> PAGE_SHIFT)?.[(id >>> 5) % PAGE_WORDS] ?? 0;
    return (word & (1 << (id & 31))) !== 0;
  }

  add(id: number): void {
    const at = id >>> PAGE_SHIFT;
    let page = this.pages.get(at);
    if (page === undefined) this.pages.set(at, (page = new Uint32Array(PAGE_WORDS)));
    page[(id >>> 5) % PAGE_WORDS]! |= 1 << (id & 31);
  }
}

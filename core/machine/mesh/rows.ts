// Who has accepted what of whom, and what follows: the stable index of each sender (docs/design/mesh.md, section 1).

export class Rows {
  /** Per rank: every member has accepted this sender's packs up to here. Live; copied before it is given away. */
  readonly stable: Float64Array;
  /** Did `stable` rise since this was last set to false? */
  changed = false;
  #stableSum = 0;

  readonly #members: number;
  readonly #self: number;
  /** Entry [member * members + sender]; a sender's entry of its own packs never holds anybody back. */
  readonly #rows: Float64Array;

  constructor(members: number, self: number) {
    this.#members = members;
    this.#self = self;
    this.stable = new Float64Array(members);
    this.#rows = new Float64Array(members * members);
    for (let m = 0; m < members; m++) if (m !== self) this.#rows[m * members + m] = Infinity;
  }

  /** Sum of `stable`: equal to the sum of what was accepted when everything is stable. */
  get stableSum(): number {
    return this.#stableSum;
  }

  get(member: number, sender: number): number {
    return this.#rows[member * this.#members + sender]!;
  }

  /** The member has accepted the sender's packs up to `index`; lower than known is old news. */
  raise(member: number, sender: number, index: number): void {
    const at = member * this.#members + sender;
    const old = this.#rows[at]!;
    if (index <= old) return;
    this.#rows[at] = index;
    if (old !== this.stable[sender]) return;
    let least = Infinity;
    for (let m = 0; m < this.#members; m++) least = Math.min(least, this.get(m, sender));
    if (least === old) return;
    this.#stableSum += least - old;
    this.stable[sender] = least;
    this.changed = true;
  }

  /** Does our own row show a pack that the member has not acknowledged? */
  owes(member: number): boolean {
    for (let s = 0; s < this.#members; s++) if (this.get(member, s) < this.get(this.#self, s)) return true;
    return false;
  }

  /** A copy of our own row. */
  own(): Float64Array {
    return this.#rows.slice(this.#self * this.#members, (this.#self + 1) * this.#members);
  }
}

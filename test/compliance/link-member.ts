// One virtual member of the link suite: a link, what was submitted to it, what it handed up; and the checks that hold
// at every call (core/machine/types.ts, Link and LinkUp).
import type {
  Bytes,
  Configuration,
  Evidence,
  Frozen,
  Link,
  LinkUp,
  Member,
  Pack,
  Plane,
} from '../../core/machine/types.js';
import type { Facts, VirtualNetwork } from './virtual.js';

export interface Accepted {
  readonly sender: number;
  readonly index: number;
  readonly pack: Pack;
}

/** A breach of the contract: the suite stops at the first. */
function demand(holds: boolean, what: string): void {
  if (!holds) throw new Error(`breach: ${what}`);
}

export class LinkMember implements LinkUp {
  readonly submitted: Pack[] = [];
  /** Everything handed up, in order. */
  readonly log: Accepted[] = [];
  readonly suspects: { rank: number; why: Evidence }[] = [];
  readonly acceptedOf: number[];
  stableTo: readonly number[] = [];
  windowLeft = 0;
  windowAtStart = -1;
  frozen = false;
  /** Calls to `up` since `freeze`. */
  callsAfterFreeze = 0;
  /** Called at each acceptance, from inside the link's call. */
  onAccepted: (a: Accepted) => void = () => undefined;
  readonly #timers = new Map<number, number>();
  #timerLife = 0;

  constructor(
    readonly rank: number,
    readonly link: Link,
    readonly configuration: Configuration,
    readonly network: VirtualNetwork,
    readonly others: readonly LinkMember[],
  ) {
    this.acceptedOf = configuration.members.map(() => 0);
    network.join({
      received: (from, bytes) => this.link.received(from, bytes),
      writable: (peer) => this.link.writable(peer),
      reconnected: (peer) => this.link.reconnected(peer),
      flush: () => this.link.flush(),
    });
  }

  install(): void {
    this.link.install(this.configuration, this);
    this.link.flush();
  }

  freeze(): Frozen {
    const first = this.link.freeze();
    this.frozen = true;
    if (!this.link.totalOrder)
      demand(first.unsent.length + first.behind.length === 0, 'freeze of a link without order');
    this.#demandFrozen(first);
    this.link.freeze();
    return first;
  }

  /** Every own pack was numbered, and is then accepted or behind a gap, or is handed back, in order. */
  #demandFrozen({ unsent, behind }: Frozen): void {
    if (!this.link.totalOrder) return;
    const own = behind.filter((b) => b.sender === this.rank).length + this.acceptedOf[this.rank]!;
    const rest = this.submitted.slice(own);
    demand(rest.length === unsent.length, `${rest.length} packs have no number, ${unsent.length} are handed back`);
    rest.forEach((pack, i) => demand(samePack(pack, unsent[i]!), `unsent pack ${i} differs`));
    let last = this.log.length;
    for (const { position, sender, index, pack } of behind) {
      demand(position > last, `position ${position} behind ${last}`);
      last = position;
      const sent = this.others[sender]!.submitted[index - 1];
      demand(sent !== undefined && samePack(sent, pack), `pack ${index} of ${sender}, handed back, differs`);
    }
  }

  /** As much of the pack list as the window takes; the rest is not submitted. */
  submit(packs: readonly Pack[]): number {
    let taken = 0;
    for (const pack of this.frozen ? [] : packs) {
      if (pack.bytes.length > this.windowLeft) break;
      this.submitted.push(pack);
      this.link.submit(pack);
      taken++;
    }
    return taken;
  }

  #called(): void {
    if (this.frozen) this.callsAfterFreeze++;
  }

  // LinkUp -----------------------------------------------------------------------------------------------------------

  accepted(sender: number, index: number, pack: Pack): void {
    this.#called();
    demand(index === this.acceptedOf[sender]! + 1, `index ${index} of ${sender} after ${this.acceptedOf[sender]!}`);
    const sent = this.others[sender]!.submitted[index - 1];
    demand(sent !== undefined && samePack(sent, pack), `pack ${index} of ${sender} differs from what was submitted`);
    this.acceptedOf[sender] = index;
    this.log.push({ sender, index, pack });
    this.onAccepted({ sender, index, pack });
  }

  release(): void {
    this.#called();
  }

  stable(upTo: ArrayLike<number>): void {
    this.#called();
    const now = Array.from(upTo);
    demand(now.length === (this.link.totalOrder ? 1 : this.acceptedOf.length), 'length of the stable vector');
    now.forEach((value, i) => {
      demand(value >= (this.stableTo[i] ?? 0), 'stable fell');
      for (const m of this.others) {
        const held = this.link.totalOrder ? m.log.length : m.acceptedOf[i]!;
        demand(value <= held, `stable ${value} of ${i} is ahead of member ${m.rank}, which has ${held}`);
      }
    });
    this.stableTo = now;
  }

  window(bytes: number): void {
    this.#called();
    demand(bytes >= 0, 'negative window');
    this.windowLeft = bytes;
    if (this.windowAtStart < 0) this.windowAtStart = bytes;
  }

  suspect(rank: number, why: Evidence): void {
    this.#called();
    demand(rank !== this.rank && rank < this.acceptedOf.length, `suspect ${rank}`);
    this.suspects.push({ rank, why });
  }

  send(to: number | 'all', plane: Plane, head: Bytes, body?: Bytes): boolean {
    this.#called();
    demand(plane === 'data', 'a link uses the data plane only');
    demand(to !== this.rank, 'sent to itself');
    return this.network.send(this.rank, to, head, body);
  }

  setTimer(key: number, ms: number): void {
    this.#called();
    const life = ++this.#timerLife;
    this.#timers.set(key, life);
    if (ms < 0) return;
    this.network.later(this.rank, ms, () => {
      if (this.#timers.get(key) === life) this.link.timer(key);
    });
  }

  now(): number {
    return this.network.nowMs;
  }
}

function samePack(a: Pack, b: Pack): boolean {
  if (a.kind !== b.kind || a.safeAt !== b.safeAt || a.bytes.length !== b.bytes.length) return false;
  for (let i = 0; i < a.bytes.length; i++) if (a.bytes[i] !== b.bytes[i]) return false;
  return true;
}

/** A configuration of that many members as the member of rank `self` sees it. */
export function configurationOf(count: number, self: number, facts: Facts, overheadBytes: number): Configuration {
  const members: Member[] = Array.from({ length: count }, (_, place) => ({
    name: `member${place}`,
    incarnation: BigInt(place + 1),
    place,
  }));
  return { id: { number: 7, time: 1 }, members, self, maxPackBytes: facts.maxBytes - overheadBytes };
}

// Guarantees 9 and 10: one agreed order over all groups, configurations and membership notices, and causality. What
// each session sees in a row, and what a sender had seen before it sent, are edges of one graph; there is an order
// that everybody followed exactly if it has no cycle. Judged whenever everything is at rest, so memory is bounded.
import { Service } from '../../../core/wire/frame.js';
import type { MessageRecord, SessionRecord, Step } from '../ledger.js';
import type { Checker, Court } from './checker.js';

const AGREED = '10 agreed order';
const CAUSAL = '9 causality';
/** The node of a message that was delivered before everything last came to rest. */
const PAST = -2;

/** Who says that one thing came before another. */
interface Edge {
  readonly from: number;
  readonly to: number;
  readonly by: number;
  readonly causal: boolean;
}

/** Many edges: an object for each would be most of what a run allocates. */
class Edges {
  readonly from: number[] = [];
  readonly to: number[] = [];
  /** The session; below 0: the complement of it, and the edge is causal. */
  private readonly by: number[] = [];

  add(from: number, to: number, by: number, causal: boolean): void {
    this.from.push(from);
    this.to.push(to);
    this.by.push(causal ? ~by : by);
  }

  at(i: number): Edge {
    const by = this.by[i]!;
    return { from: this.from[i]!, to: this.to[i]!, by: by < 0 ? ~by : by, causal: by < 0 };
  }
}

interface Last {
  delivered: number;
  causal: number;
  sent: number;
}

export class Order implements Checker {
  private views = new Map<string, number>();
  /** What each node is. */
  private labels: (MessageRecord | string)[] = [];
  private edges = new Edges();
  private latest: number[] = [];
  private last = new Map<SessionRecord, Last>();

  constructor(private readonly court: Court) {}

  step({ e, session, message }: Step): void {
    if (e.event === 'settled') this.judge();
    if (session === undefined) return;
    if (e.event === 'deliver' && message !== undefined) {
      if (e.service < this.court.options.ordered) return;
      if (message.node === PAST)
        this.court.report(AGREED, `session ${session.uid} gets message ${e.id} after everything had come to rest`);
      else this.saw(session, this.message(message), e.service >= Service.CAUSAL);
    } else if (e.event === 'view') this.saw(session, this.view(`view ${e.id} of ${e.group}`), false);
    else if (e.event === 'send' && message !== undefined)
      if (e.service >= Service.CAUSAL && e.service >= this.court.options.ordered)
        this.sends(session, this.message(message));
  }

  finish(): void {
    this.judge();
  }

  private of(s: SessionRecord): Last {
    let l = this.last.get(s);
    if (l === undefined) this.last.set(s, (l = { delivered: -1, causal: -1, sent: -1 }));
    return l;
  }

  private message(m: MessageRecord): number {
    if (m.node < 0) m.node = this.node(m);
    return m.node;
  }

  private view(label: string): number {
    let n = this.views.get(label);
    if (n === undefined) this.views.set(label, (n = this.node(label)));
    return n;
  }

  private node(label: MessageRecord | string): number {
    this.latest.push(-1);
    return this.labels.push(label) - 1;
  }

  private saw(s: SessionRecord, node: number, causal: boolean): void {
    const l = this.of(s);
    if (l.delivered !== -1) this.edge(l.delivered, node, s, false);
    l.delivered = node;
    if (causal) l.causal = node;
  }

  private sends(s: SessionRecord, node: number): void {
    const l = this.of(s);
    if (l.causal !== -1) this.edge(l.causal, node, s, true);
    if (l.sent !== -1) this.edge(l.sent, node, s, true);
    l.sent = node;
  }

  private edge(from: number, to: number, s: SessionRecord, causal: boolean): void {
    if (from === to || this.latest[from] === to) return;
    this.latest[from] = to;
    this.edges.add(from, to, s.uid, causal);
  }

  /** Takes away what has nothing before it, again and again; what is left has a cycle. */
  private judge(): void {
    const n = this.labels.length;
    const { from, to } = this.edges;
    const before = new Int32Array(n);
    const first = new Int32Array(n).fill(-1);
    const next = new Int32Array(from.length);
    for (let i = 0; i < from.length; i++) {
      before[to[i]!]!++;
      next[i] = first[from[i]!]!;
      first[from[i]!] = i;
    }
    const free: number[] = [];
    for (let i = 0; i < n; i++) if (before[i] === 0) free.push(i);
    let taken = 0;
    for (let at = free.pop(); at !== undefined; at = free.pop()) {
      taken++;
      for (let i = first[at]!; i !== -1; i = next[i]!) {
        const there = to[i]!;
        before[there]!--;
        if (before[there] === 0) free.push(there);
      }
    }
    if (taken < n) this.cycle(before);
    for (const label of this.labels) if (typeof label !== 'string') label.node = PAST;
    this.views = new Map();
    this.labels = [];
    this.edges = new Edges();
    this.latest = [];
    this.last = new Map();
  }

  /** Every node left has an edge into it from a node left: walking back must come round. */
  private cycle(before: Int32Array): void {
    const into = new Map<number, Edge>();
    this.edges.to.forEach((to, i) => {
      if (before[this.edges.from[i]!]! > 0 && before[to]! > 0) into.set(to, this.edges.at(i));
    });
    const start = into.keys().next().value;
    if (start === undefined) return;
    const seen = new Set<number>();
    let at = start;
    while (!seen.has(at)) {
      seen.add(at);
      at = into.get(at)!.from;
    }
    const round: Edge[] = [];
    const stop = at;
    do {
      const e = into.get(at)!;
      round.unshift(e);
      at = e.from;
    } while (at !== stop);
    const text = round.map((e) => this.tell(e)).join('; ');
    this.court.report(round.some((e) => e.causal) ? CAUSAL : AGREED, `no order fits: ${text}`);
  }

  private tell(e: Edge): string {
    const verb = e.causal ? 'sent after' : 'saw before';
    const [a, b] = [this.label(e.from), this.label(e.to)];
    return e.causal ? `session ${e.by} ${verb} ${a}: ${b}` : `session ${e.by} ${verb} ${b}: ${a}`;
  }

  private label(node: number): string {
    const label = this.labels[node]!;
    return typeof label === 'string' ? label : String(label.id);
  }
}

// The state transfer against a model of extended virtual synchrony: components with one order each, partitions, merges
// and deaths at any point of an exchange. After every merge all members must be equal (docs/design/state-transfer.md).
import { describe, expect, test } from '@jest/globals';
import { createHash } from 'node:crypto';
import { Random } from '../../../../test/sim/random.js';
import type { GroupId, Message, SessionEvent, View } from '../events.js';
import { STATE_TYPE, StateMachine } from '../state-machine.js';

const GROUP = 'g';
const LIVES = 500;
let views = 0;

const digest = (text: string): string => createHash('sha1').update(text).digest('hex').slice(0, 8);

/**
 * Values by key, each with a number that is higher for a later write: the greater wins. And a digest of all that was done,
 * in order, which forgives nothing.
 */
class Member {
  values = new Map<string, string>();
  digest = '';
  readonly outbox: { type: number; data: Uint8Array }[] = [];
  last: View | undefined;
  readonly machine: StateMachine;

  constructor(
    public name: string,
    public component: number,
  ) {
    this.machine = new StateMachine(
      GROUP,
      () => this.name,
      {
        apply: (m) => {
          const entry = Buffer.from(m.data).toString();
          this.write(entry);
          this.digest = digest(this.digest + entry);
        },
        snapshot: () => Buffer.from(this.text),
        merge: (all) => this.become(all.map((b) => Buffer.from(b).toString())),
      },
      {
        send: (type, data) => void this.outbox.push({ type, data }),
        complete: () => undefined,
        incomplete: () => undefined,
      },
    );
  }

  get text(): string {
    return `${this.digest}|${[...this.values.values()].sort().join(';')}`;
  }

  write(entry: string): void {
    const key = entry.split('=')[0]!;
    const old = this.values.get(key);
    if (old === undefined || old < entry) this.values.set(key, entry);
  }

  become(all: readonly string[]): void {
    this.values = new Map();
    for (const text of all) for (const entry of text.split('|')[1]!.split(';').filter(Boolean)) this.write(entry);
    this.digest = all.length === 1 ? all[0]!.split('|')[0]! : digest(all.join());
  }
}

class World {
  readonly members: Member[] = [];
  private made = 0;
  private written = 0;

  constructor(readonly random: Random) {}

  of(component: number): Member[] {
    return this.members.filter((m) => m.component === component).sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  components(): number[] {
    return [...new Set(this.members.map((m) => m.component))];
  }

  /** One message of a component, chosen at random among its members, to all of them. */
  deliver(component: number): boolean {
    const all = this.of(component);
    const ready = all.filter((m) => m.outbox.length > 0);
    if (ready.length === 0) return false;
    const from = ready[this.random.below(ready.length)]!;
    const { type, data } = from.outbox.shift()!;
    this.tell(all, {
      kind: 'message',
      level: 'agreed',
      service: 16,
      sender: from.name,
      groups: [GROUP],
      type,
      bigEndian: false,
      data,
    });
    return true;
  }

  update(m: Member): void {
    const entry = `k${this.random.below(5)}=${String(++this.written).padStart(6, '0')}`;
    m.outbox.push({ type: 0, data: Buffer.from(entry) });
  }

  join(component: number): void {
    // Names in random order: a newcomer may be the first of the list.
    const m = new Member(`#${this.random.below(90) + 10}x${++this.made}#d`, component);
    this.members.push(m);
    this.view(component, 'join', m.name);
  }

  kill(m: Member): void {
    this.members.splice(this.members.indexOf(m), 1);
    this.view(m.component, 'disconnect', m.name);
  }

  /** Its connection is lost and made anew: it comes back somewhere as another member, with what it had. */
  lose(m: Member, to: number): void {
    const from = m.component;
    m.machine.received({ kind: 'lost', why: '', inDoubt: [], inDoubtUntold: 0, groups: [] });
    m.outbox.length = 0;
    const old = m.name;
    [m.name, m.component, m.last] = [`#${this.random.below(90) + 10}y${++this.made}#d`, -1, undefined];
    this.view(from, 'disconnect', old);
    m.component = to;
    this.view(to, 'join', m.name);
  }

  split(component: number): void {
    const to = ++this.made + 1000;
    for (const m of this.of(component)) if (this.random.below(2) === 0) m.component = to;
    for (const c of [component, to]) this.view(c, 'network');
  }

  merge(components: readonly number[]): void {
    for (const m of this.members) if (components.includes(m.component)) m.component = components[0]!;
    this.view(components[0]!, 'network');
  }

  settle(component: number): void {
    while (this.deliver(component));
  }

  private view(component: number, cause: View['cause'], changed?: string): void {
    const all = this.of(component);
    const id: GroupId = { number: component, time: 1, index: ++views };
    const members = all.map((m) => m.name);
    const bySet = new Map<View | undefined, string[]>();
    for (const m of all) bySet.set(m.last, [...(bySet.get(m.last) ?? []), m.name]);
    const sets = cause === 'network' ? [...bySet.values()] : [[changed!]];
    const seen = new Map<Member, SessionEvent>();
    let shared: View | undefined;
    for (const m of all) {
      const localSet = cause === 'network' ? sets.findIndex((s) => s.includes(m.name)) : 0;
      const together = cause === 'network' ? sets[localSet]! : members.filter((x) => cause !== 'join' || x !== changed);
      const ownIndex = members.indexOf(m.name);
      const v: View = { kind: 'view', cause, group: GROUP, members, id, ownIndex, changed, sets, localSet, together };
      shared ??= v;
      seen.set(m, v);
    }
    for (const [m, e] of seen) {
      m.last = shared;
      m.machine.received(e);
    }
  }

  private tell(all: readonly Member[], m: Message): void {
    for (const to of all) to.machine.received(m);
  }
}

function said(text: string): Message {
  const data = Buffer.from(text);
  const groups = [GROUP];
  return { kind: 'message', level: 'agreed', service: 16, sender: '#x#d', groups, type: 0, bigEndian: false, data };
}

function agree(members: readonly Member[]): void {
  for (const m of members) {
    expect([m.name, m.machine.complete]).toEqual([m.name, true]);
    expect([m.name, m.text]).toEqual([m.name, members[0]!.text]);
  }
}

describe('stories', () => {
  test('a newcomer gets the state as of its view, and what came meanwhile', () => {
    const w = new World(new Random(1, 'replica'));
    w.join(1);
    const [a] = w.of(1);
    for (let i = 0; i < 5; i++) w.update(a!);
    w.settle(1);
    w.join(1);
    // Who was there goes on as soon as it is known that the newcomer brings nothing, whatever the state's size.
    while (!a!.outbox.some((o) => o.type === STATE_TYPE)) w.deliver(1);
    const before = a!.text;
    a!.machine.received(said('k1=999999'));
    expect(a!.text).not.toBe(before);
    w.of(1)
      .find((m) => m !== a)!
      .machine.received(said('k1=999999'));
    for (const m of w.of(1)) w.update(m);
    w.settle(1);
    agree(w.of(1));
    expect(a!.values.size).toBeGreaterThan(0);
  });

  test('two sides that went apart are merged; who dies while sending is replaced', () => {
    const w = new World(new Random(2, 'replica'));
    for (let i = 0; i < 4; i++) w.join(1);
    w.settle(1);
    for (const m of w.of(1).slice(2)) m.component = 2;
    w.merge([1]);
    w.merge([2]);
    for (const m of w.members) w.update(m);
    w.settle(1);
    w.settle(2);
    expect(w.of(1)[0]!.text).not.toBe(w.of(2)[0]!.text);
    w.merge([1, 2]);
    while (!w.members.some((m) => m.outbox.some((o) => o.type === STATE_TYPE))) w.deliver(1);
    w.kill(w.members.find((m) => m.outbox.some((o) => o.type === STATE_TYPE))!);
    w.settle(1);
    agree(w.of(1));
  });

  test('nothing is said where nobody needs a state', () => {
    const w = new World(new Random(3, 'replica'));
    for (let i = 0; i < 3; i++) w.join(1);
    w.settle(1);
    w.kill(w.of(1)[1]!);
    w.merge([1]);
    expect(w.of(1).every((m) => m.outbox.length === 0 && m.machine.complete)).toBe(true);
  });

  test('who was alone and lost keeps its state unless others have one', () => {
    const w = new World(new Random(4, 'replica'));
    w.join(1);
    const a = w.of(1)[0]!;
    w.update(a);
    w.settle(1);
    const before = a.text;
    a.machine.received({ kind: 'lost', why: '', inDoubt: [], inDoubtUntold: 0, groups: [] });

    w.merge([1]);
    expect([a.machine.complete, a.text]).toEqual([true, before]);
  });
});

test('random lives: equal after every merge', () => {
  for (let seed = 1; seed <= LIVES; seed++) {
    const r = new Random(seed, 'replica');
    const w = new World(r);
    for (let i = 0; i < 3; i++) w.join(1);
    for (let step = 0; step < 60; step++) {
      const components = w.components();
      const c = components[r.below(components.length)]!;
      const some = w.of(c);
      const what = r.below(20);
      if (what < 10) w.deliver(c);
      else if (what < 15) w.update(some[r.below(some.length)]!);
      else if (what === 15 && w.members.length < 7) w.join(c);
      else if (what === 16 && w.members.length > 2) w.kill(some[r.below(some.length)]!);
      else if (what === 17 && some.length > 1) w.split(c);
      else if (what === 18 && r.below(3) === 0) w.lose(r.pick(some), r.pick(components));
      else if (components.length > 1) w.merge([c, ...components.filter((x) => x !== c && r.below(2) === 0)]);
    }
    const components = w.components();
    if (components.length > 1) w.merge(components);
    w.settle(components[0]!);
    try {
      agree(w.members);
    } catch (e) {
      throw new Error(`seed ${seed}`, { cause: e });
    }
  }
});

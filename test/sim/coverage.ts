// Which event met which state: the pairs that the tables of the design notes name, counted while runs go on. Seen from
// outside (the driver's calls and `describe()`), so that the machines carry nothing for it. A pair that is neither met
// nor listed here as one that cannot be, with its reason, is a hole in the simulator.
import { ENVELOPE_BYTES, Kind } from '../../core/machine/envelope.js';
import { MembershipTimer } from '../../core/machine/membership/membership.js';
import type { Birth, DaemonMachine, DaemonPorts } from '../../core/machine/ports.js';
import type { Bytes, Evidence } from '../../core/machine/types.js';
import { readU32 } from '../../core/wire/frame.js';
import type { MachineFactory } from './daemon.js';

/** A machine's states and events; `never`: pairs (`*` for any state or event) that cannot be, and why. */
interface Table {
  readonly states: readonly string[];
  readonly events: readonly string[];
  readonly never: readonly (readonly [state: string, event: string, why: string])[];
}

const MEMBERSHIP_STATES = ['starting', 'operational', 'gathering', 'recovering'];
const RECOVERY_STATES = ['idle', 'reported', 'repairing', 'complete'];
const GROUP_STATES = ['normal', 'transitional', 'exchanging', 'exchanging transitional'];
const MESH_MESSAGES = ['DATA', 'STAND', 'NACK'];
const RING_MESSAGES = ['DATA', 'TOKEN', 'STATE', 'WAKE'];
const CLIENT_EVENTS = ['open', 'submit', 'close', 'congested'];

const never = (state: string, event: string, why: string): [string, string, string] => [state, event, why];
/** Each call of a simulated client is a tick of its own; link-protocols/ring/test has them in one. */
const OWN_TICK = 'the token is here only within the tick that brings it, and a simulated tick has one cause';
const PASSED_IT =
  'all of that tick is from who passed the token, and he calls for it only when he has heard that it was parked, later';

export const TABLES: Readonly<Record<string, Table>> = {
  /** docs/design/membership.md, section 3 */
  membership: {
    states: MEMBERSHIP_STATES,
    events: [
      ...['row higher', 'row same', 'row lower', 'row leaving', 'beat', 'another life'],
      ...['propose', 'refuse', 'up', 'down refused', 'down unanswered', 'down lost'],
      ...Object.keys(MembershipTimer).map((name) => `timer ${name}`),
    ],
    never: [
      ['starting', 'row lower', 'its own round is 0'],
      ['starting', 'down unanswered', 'a dial is given up after 0.5 s, and the start takes 0.3 s'],
      ...['timer gather', 'timer recheck', 'timer doubt'].map((t) =>
        never('starting', t, 'set from the first round on'),
      ),
      ...['operational', 'gathering', 'recovering'].map((s) => never(s, 'timer start', 'ends with the start')),
      ...['operational', 'recovering'].map((s) => never(s, 'timer gather', 'ends with the round')),
    ],
  },
  /** docs/design/recovery.md, sections 2 and 3 */
  recovery: {
    states: RECOVERY_STATES,
    events: ['report', 'plan', 'need', 'repair', 'complete', 'commit', 'propose', 'timer', 'row higher'],
    never: [
      ['idle', 'timer', 'ends with the attempt'],
      ['repairing', 'commit', 'a commit says that all are complete, this one among them'],
    ],
  },
  /** docs/design/groups.md, sections 3 and 4 */
  groups: {
    states: GROUP_STATES,
    events: [...CLIENT_EVENTS, 'transitional', 'installed', 'deliver'],
    never: [
      ...[...CLIENT_EVENTS, 'transitional'].flatMap((event) =>
        ['transitional', 'exchanging transitional'].map((s) => never(s, event, 'both notices come in one call')),
      ),
      ['exchanging', 'installed', 'the transitional notice comes before it'],
      ...['exchanging', 'exchanging transitional'].map((s) =>
        never(s, 'deliver', 'nothing is delivered before its end'),
      ),
    ],
  },
  /** docs/design/mesh.md, section 3: before and after the freeze */
  mesh: {
    states: ['running', 'frozen'],
    events: [...MESH_MESSAGES, 'writable', 'submit', 'timer 0', 'timer 1', 'timer 2'],
    never: [],
  },
  /** docs/design/order.md, section 2 */
  turn: {
    states: ['holder', 'not holder'],
    events: ['submit', 'DATA', 'writable', 'installed', 'transitional'],
    never: [],
  },
  /** docs/design/ring.md, section 3 */
  ring: {
    states: ['here', 'parked here', 'parked elsewhere', 'out', 'frozen'],
    events: [...RING_MESSAGES, 'writable', 'submit', 'timer 0', 'timer 1'],
    never: [
      never('here', 'WAKE', PASSED_IT),
      ...['writable', 'submit', 'timer 0', 'timer 1'].map((event) => never('here', event, OWN_TICK)),
    ],
  },
};

const RECOVERY_TIMER = 16;
const LEAVE_TIMER = 18;
const LINK_TIMERS = 1000;
const ROW_FLAGS_OFFSET = 20;
const ROW_LEAVING = 1;
const KIND_NAMES = Object.fromEntries(Object.entries(Kind).map(([name, n]) => [n, name]));
const TIMER_NAMES = Object.fromEntries(Object.entries(MembershipTimer).map(([name, n]) => [n, name]));

/** What happens to a machine next. */
type Happening =
  | { readonly what: 'received'; readonly bytes: Bytes; readonly another: boolean }
  | { readonly what: 'timer'; readonly key: number }
  | { readonly what: 'down'; readonly why: Evidence }
  | { readonly what: 'up' | 'writable' | 'leave' | 'open' | 'submit' | 'close' | 'congested' | 'deliver' }
  | { readonly what: 'transitional' | 'installed' };

export class Coverage {
  /** `table/state/event` to how often. */
  readonly met = new Map<string, number>();

  /** The same machines, looked at before each call. */
  covered(create: MachineFactory): MachineFactory {
    return (birth, ports) => {
      const lives = new Map<number, bigint>();
      const m = create(
        birth,
        this.ears(ports, () => m),
      );
      return this.watched(m, birth, lives);
    };
  }

  private ears(ports: DaemonPorts, machine: () => DaemonMachine): DaemonPorts {
    return {
      ...ports,
      deliver: (session, frames, messages) => {
        this.meet(machine(), { what: 'deliver' });
        ports.deliver(session, frames, messages);
      },
      event: (e) => {
        if (e.kind === 'transitional' || e.kind === 'installed') this.meet(machine(), { what: e.kind });
        ports.event(e);
      },
    };
  }

  private watched(m: DaemonMachine, { list }: Birth, lives: Map<number, bigint>): DaemonMachine {
    const meet = (happening: Happening): void => this.meet(m, happening);
    return {
      at: (now, wall) => m.at(now, wall),
      start: () => m.start(),
      flush: () => m.flush(),
      nameInUse: (name) => m.nameInUse(name),
      status: () => m.status(),
      describe: () => m.describe(),
      received: (from, plane, bytes) => {
        meet({ what: 'received', bytes, another: anotherLife(lives, bytes, list.length) });
        m.received(from, plane, bytes);
      },
      writable: (to) => {
        meet({ what: 'writable' });
        m.writable(to);
      },
      up: (peer) => {
        meet({ what: 'up' });
        m.up(peer);
      },
      down: (peer, why) => {
        meet({ what: 'down', why });
        m.down(peer, why);
      },
      timer: (key) => {
        meet({ what: 'timer', key });
        m.timer(key);
      },
      open: (session, name, membership) => {
        meet({ what: 'open' });
        m.open(session, name, membership);
      },
      submit: (session, frames, lasting) => {
        meet({ what: 'submit' });
        m.submit(session, frames, lasting);
      },
      close: (session) => {
        meet({ what: 'close' });
        m.close(session);
      },
      congested: (session, on) => {
        meet({ what: 'congested' });
        m.congested(session, on);
      },
      leave: (left) => {
        meet({ what: 'leave' });
        m.leave(left);
      },
    };
  }

  private meet(m: DaemonMachine, happening: Happening): void {
    const states = statesOf(m);
    for (const event of eventsOf(happening, m))
      for (const [table, state] of states) {
        const t = TABLES[table]!;
        if (t.events.includes(event) && t.states.includes(state)) this.add(`${table}/${state}/${event}`, 1);
      }
  }

  add(pair: string, times: number): void {
    this.met.set(pair, (this.met.get(pair) ?? 0) + times);
  }
}

/** Is it from a later life than the last one heard of that daemon? */
function anotherLife(lives: Map<number, bigint>, bytes: Bytes, places: number): boolean {
  const place = bytes[2]! | (bytes[3]! << 8);
  if (bytes.length < ENVELOPE_BYTES || place >= places) return false;
  const incarnation = (BigInt(readU32(bytes, 12)) << 32n) | BigInt(readU32(bytes, 8));
  const known = lives.get(place) ?? 0n;
  if (incarnation <= known) return false;
  lives.set(place, incarnation);
  return known !== 0n;
}

/** The state of each machine that has one now. */
function statesOf(m: DaemonMachine): [table: string, state: string][] {
  const lines = m.describe().split('\n');
  const states: [string, string][] = [['membership', lines[0]!.split(' ')[0]!]];
  for (const line of lines.slice(1)) {
    const words = line.split(' ');
    if (words[0] === 'recovery') states.push(['recovery', words[1]!]);
    else if (words[0] === 'turn') states.push(['turn', words[1] === 'turn' ? 'holder' : 'not holder']);
    else if (words[0] === 'groups') states.push(['groups', line.slice('groups '.length, line.indexOf(' base='))]);
    else if (words[0] === 'link') states.push(linkState(line));
  }
  return states;
}

function linkState(line: string): [table: string, state: string] {
  const table = line.startsWith('link ring') ? 'ring' : 'mesh';
  if (line.endsWith(' frozen')) return [table, 'frozen'];
  if (table === 'mesh') return [table, 'running'];
  const [, token = ''] = /token=(.*?) hop=/.exec(line) ?? [];
  return [table, token.startsWith('parked at') ? 'parked elsewhere' : token];
}

/** Its names in the tables. */
function eventsOf(h: Happening, m: DaemonMachine): string[] {
  if (h.what === 'timer') return timerOf(h.key);
  if (h.what === 'down') return [`down ${h.why.kind}`];
  if (h.what !== 'received') return [h.what];
  const { bytes } = h;
  const kind = KIND_NAMES[bytes[1]!]!;
  const another = h.another ? ['another life'] : [];
  if (kind === 'data') {
    const names = linkState(m.describe().split('\n').at(-1)!)[0] === 'ring' ? RING_MESSAGES : MESH_MESSAGES;
    return [...another, names[bytes[ENVELOPE_BYTES]! - 1] ?? 'malformed'];
  }
  if (kind !== 'row') return [...another, kind];
  if ((bytes[ENVELOPE_BYTES + ROW_FLAGS_OFFSET]! & ROW_LEAVING) !== 0) return [...another, 'row leaving'];
  const round = readU32(bytes, ENVELOPE_BYTES);
  const own = m.status().round;
  return [...another, round > own ? 'row higher' : round === own ? 'row same' : 'row lower'];
}

function timerOf(key: number): string[] {
  if (key >= LINK_TIMERS) return [`timer ${key - LINK_TIMERS}`];
  if (key === RECOVERY_TIMER) return ['timer'];
  if (key === LEAVE_TIMER) return [];
  return [`timer ${TIMER_NAMES[key] ?? key}`];
}

export interface CoverageReport {
  readonly pairs: number;
  readonly met: number;
  /** Neither met nor said to be impossible. */
  readonly holes: readonly string[];
  /** Met, although said to be impossible. */
  readonly wrong: readonly string[];
}

/** Judges what was met in the tables of that link. */
export function report(met: ReadonlyMap<string, number>, link: 'mesh' | 'ring'): CoverageReport {
  const holes: string[] = [];
  const wrong: string[] = [];
  let pairs = 0;
  let reached = 0;
  const others = link === 'ring' ? ['mesh', 'turn'] : ['ring'];
  for (const [name, t] of Object.entries(TABLES)) {
    if (others.includes(name)) continue;
    for (const state of t.states)
      for (const event of t.events) {
        pairs++;
        const pair = `${name}/${state}/${event}`;
        const why = t.never.find(([s, e]) => (s === '*' || s === state) && (e === '*' || e === event))?.[2];
        const times = met.get(pair) ?? 0;
        if (times > 0) reached++;
        if (times > 0 && why !== undefined) wrong.push(pair);
        if (times === 0 && why === undefined) holes.push(pair);
      }
  }
  return { pairs, met: reached, holes, wrong };
}

/** One table for each machine: how often each event met each state; `-`: cannot be. */
export function shownCoverage(met: ReadonlyMap<string, number>, link: 'mesh' | 'ring'): string {
  const others = link === 'ring' ? ['mesh', 'turn'] : ['ring'];
  const lines: string[] = [];
  for (const [name, t] of Object.entries(TABLES)) {
    if (others.includes(name)) continue;
    lines.push('', `${name.padEnd(16)}${t.states.map((s) => s.padStart(16)).join('')}`);
    for (const event of t.events) {
      const cells = t.states.map((state) => {
        const cannot = t.never.some(([s, e]) => (s === '*' || s === state) && (e === '*' || e === event));
        const times = met.get(`${name}/${state}/${event}`) ?? 0;
        return (times === 0 && cannot ? '-' : String(times)).padStart(16);
      });
      lines.push(`${event.padEnd(16)}${cells.join('')}`);
    }
  }
  return lines.join('\n');
}

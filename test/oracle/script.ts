// Random client scripts, drawn from a seed, that a cluster of any Spread can run: plain data. Steps follow one another, each
// when everything that the one before caused has arrived; only within a `burst` do several clients speak at once.
import { Random } from '../sim/random.js';
import type { Level } from '../../client-apis/binary/client/index.js';

export type Step =
  | { readonly do: 'connect'; readonly client: number; readonly daemon: number; readonly membership: boolean }
  | { readonly do: 'join' | 'leave'; readonly client: number; readonly group: string }
  | {
      readonly do: 'send';
      readonly client: number;
      readonly level: Level;
      /** Groups, or `@n`: the private group of client n. */
      readonly to: readonly string[];
      readonly bytes: number;
      readonly type: number;
      readonly selfDiscard: boolean;
    }
  | {
      readonly do: 'burst';
      readonly clients: readonly number[];
      readonly level: Level;
      readonly group: string;
      readonly count: number;
    }
  /** KILL, or the connection just breaks. */
  | { readonly do: 'end'; readonly client: number; readonly how: 'kill' | 'break' };

export interface Script {
  readonly seed: number;
  readonly daemons: number;
  readonly steps: readonly Step[];
}

const LEVELS: readonly Level[] = ['unreliable', 'reliable', 'fifo', 'causal', 'agreed', 'safe'];
/** In a burst only ordered levels: the peer lets the others overtake. */
const ORDERED: readonly Level[] = ['fifo', 'causal', 'agreed', 'safe'];
const GROUPS = ['alpha', 'Beta', 'g', 'zz~'];
const CLIENTS_MAX = 6;
/** What every daemon of the peer takes: more destinations are misrouted there from 44 on. */
const DESTINATIONS_MAX = 5;

export function makeScript(seed: number, daemons: number): Script {
  const r = new Random(seed, 'oracle');
  const live: number[] = [];
  const steps: Step[] = [];
  let clients = 0;
  const connect = (): void => {
    const client = clients++;
    live.push(client);
    steps.push({ do: 'connect', client, daemon: r.below(daemons), membership: !r.chance(120) });
  };
  for (let n = r.between(2, 4); n > 0; n--) connect();
  for (let n = r.between(12, 30); n > 0; n--) {
    if (live.length < 2 || (live.length < CLIENTS_MAX && r.chance(80))) {
      connect();
      continue;
    }
    steps.push(step(r, live));
    const last = steps.at(-1)!;
    if (last.do === 'end') live.splice(live.indexOf(last.client), 1);
  }
  return { seed, daemons, steps };
}

function step(r: Random, live: readonly number[]): Step {
  const client = r.pick(live);
  const draw = r.below(100);
  if (draw < 30) return { do: 'join', client, group: r.pick(GROUPS) };
  if (draw < 42) return { do: 'leave', client, group: r.pick(GROUPS) };
  if (draw < 48) return { do: 'end', client, how: r.pick(['kill', 'break'] as const) };
  if (draw < 62) {
    const clients = r.shuffled(live).slice(0, r.between(2, 3));
    return { do: 'burst', clients, level: r.pick(ORDERED), group: r.pick(GROUPS), count: r.between(1, 8) };
  }
  const to = Array.from({ length: 1 + r.heavy(1, DESTINATIONS_MAX - 1) }, () =>
    r.chance(150) ? `@${r.pick(live)}` : r.pick(GROUPS),
  );
  const bytes = r.chance(100) ? r.below(100_000) : r.below(200);
  return {
    do: 'send',
    client,
    level: r.pick(LEVELS),
    to,
    bytes,
    type: r.below(0x10000) - 0x8000,
    selfDiscard: r.chance(200),
  };
}

// What an external topology generator may answer: edges of a connected graph, or one sentence that says what is wrong.
import type { TopologyRequest } from '../../../plugins/service/flood/machine/types.js';
import { readAnswer, requestText } from '../../../plugins/service/flood/topology/command.js';
import { isKConnected } from '../../../plugins/service/flood/topology/connectivity.js';
import type { Random } from '../../sim/random.js';
import { mustEqual, type Target } from '../target.js';

const SITES = ['a', 'a b', 'c"d', ':e', 'f'];

const REQUEST: TopologyRequest = {
  number: 1,
  group: 'g',
  master: 'a',
  connectivity: 2,
  sites: SITES,
  links: [{ a: 'a', b: 'f', rttMs: 1, bytesPerSecond: undefined, cost: 2, measured: true }],
};

const word = (site: string): string => `"${site.replace(/["\\]/g, '\\$&')}"`;

function valid(r: Random): Uint8Array {
  const ring = SITES.map((site, i) => `(:edge ${word(site)} ${word(SITES[(i + 1) % SITES.length]!)})`);
  const extra = Array.from(
    { length: r.below(5) },
    () => `(:edge ${word(r.pick(SITES))} ${word(r.pick(SITES))}) ; more`,
  );
  return new TextEncoder().encode([...ring, ...extra, ''].join('\n'));
}

function feed(input: Uint8Array): boolean {
  const answer = readAnswer(new TextDecoder().decode(input), REQUEST);
  if ('fault' in answer) return answer.fault !== '';
  if (!isKConnected(SITES.length, answer.edges, 1)) throw new Error('a graph in pieces was taken');
  return true;
}

/** Names of sites come through the language as they are. */
function roundTrip(r: Random): void {
  const name = Array.from({ length: 1 + r.below(20) }, () => String.fromCharCode(0x20 + r.below(0x5f))).join('');
  const request = { ...REQUEST, sites: [name, `${name}x`] };
  const lines = requestText(request).split('\n');
  const site = lines.find((line) => line.startsWith('(:site '))!.slice('(:site '.length, -1);
  const answer = readAnswer(`(:edge ${site} ${lines[5]!.slice('(:site '.length, -1)})`, request);
  mustEqual('edges' in answer && answer.edges, [[0, 1]], 'an edge');
}

export default { name: 'flood-generator', front: 0, valid, feed, roundTrip } satisfies Target;

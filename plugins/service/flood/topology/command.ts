// The external generator (`:topology-generator`): what it is told on standard input, one S-expression a line, and what it
// may answer on standard output, `(:edge a b)` and comments. Pure: texts in, texts out. What it answers is checked before
// it is believed: an unknown site, a loop or a graph in pieces is a failure; a graph less connected than asked for is not.
import type { TopologyRequest } from '../machine/types.js';
import { type Item, readItems } from '../config/forms.js';
import { isKConnected, reachable } from './connectivity.js';
import type { Edge } from './graph.js';

/** Version of the request, so that a generator may refuse what it does not know. */
const REQUEST_VERSION = 1;

/** The lines for standard input, with a newline at the end. */
export function requestText(request: TopologyRequest): string {
  const lines = [
    `(:topology-request ${REQUEST_VERSION})`,
    `(:group-name ${word(request.group)})`,
    `(:master-site ${word(request.master)})`,
    `(:connectivity ${request.connectivity})`,
    ...request.sites.map((site) => `(:site ${word(site)})`),
    ...request.links.map(({ a, b, rttMs, bytesPerSecond, cost, measured }) => {
      const numbers = [fixed(rttMs ?? 0, 2), fixed(bytesPerSecond ?? 0, 0), fixed(cost, 2)].join(' ');
      return `(:link ${word(a)} ${word(b)} ${numbers} ${measured ? 1 : 0})`;
    }),
    '(:end)',
  ];
  return `${lines.join('\n')}\n`;
}

export type CommandAnswer =
  | { readonly edges: readonly Edge[]; readonly warning: string | undefined }
  /** One sentence for the log. */
  | { readonly fault: string };

/** What the generator of that request answered; edges as places of its sites, each once. */
export function readAnswer(text: string, { sites, connectivity }: TopologyRequest): CommandAnswer {
  const places = new Map(sites.map((site, place) => [site, place]));
  const edges = new Map<number, Edge>();
  let items: readonly Item[];
  try {
    items = readItems(text, 'answer');
  } catch (error) {
    return { fault: error instanceof Error ? error.message : 'it is no S-expression' };
  }
  for (const { keyword, values, at } of items) {
    const where = `line ${at.line}: `;
    if (keyword !== ':edge' || values.length !== 2) return { fault: `${where}it is no (:edge a b)` };
    const [a, b] = values.map((v) => places.get(v.text));
    if (a === undefined || b === undefined) return { fault: `${where}it names a site that is not a member` };
    if (a === b) return { fault: `${where}it joins a site to itself` };
    edges.set(Math.min(a, b) * sites.length + Math.max(a, b), a < b ? [a, b] : [b, a]);
  }
  const list = [...edges.values()].sort(([a, b], [c, d]) => a - c || b - d);
  if (sites.length > 1 && !isKConnected(sites.length, list, 1)) return { fault: 'its graph is in pieces' };
  const k = reachable(connectivity, sites.length);
  const enough = isKConnected(sites.length, list, k);
  return { edges: list, warning: enough ? undefined : `its graph is not ${k}-connected` };
}

function fixed(value: number, digits: number): string {
  return value.toFixed(digits);
}

/** A name as the language writes it: quoted where it would be something else otherwise. */
function word(name: string): string {
  return /^[^\s()";:][^\s()";]*$/.test(name) ? name : `"${name.replace(/["\\]/g, '\\$&')}"`;
}

// Lines of floodd's replies as objects (docs/floodd.md; fields in the order of the lines). Pure.
import type { LineReply } from './reader.js';

export interface FloodGroup {
  readonly name: string;
  readonly members: number;
  readonly masterSite: string;
  readonly epoch: number;
  readonly topologyNumber: number;
}

export interface FloodMember {
  readonly site: string;
  readonly hostname: string;
  readonly clientPort: number;
  readonly dataPort: number;
  readonly state: 'self' | 'up' | 'suspect' | 'down';
  /** Seconds since it was heard; undefined: never. */
  readonly lastHeardS: number | undefined;
  readonly master: boolean;
}

export interface FloodEdge {
  readonly a: string;
  readonly b: string;
  /** Milliseconds to move 10 KiB one way. */
  readonly cost: number;
  /** Undefined: not measured. */
  readonly rttMs: number | undefined;
  /** Bytes a second; undefined: not measured. */
  readonly bandwidth: number | undefined;
}

export interface FloodTopology {
  readonly epoch: number;
  readonly number: number;
  readonly diameter: number;
  readonly generator: string;
  readonly edges: readonly FloodEdge[];
}

export interface NearSite {
  readonly site: string;
  readonly hostname: string;
  readonly clientPort: number;
  /** Undefined: not measured. */
  readonly rttMs: number | undefined;
}

/** By name; numbers as numbers. */
export type FloodStatistics = Readonly<Record<string, number | string>>;

/** The rows of a reply; lines that are none are left out. */
export function rowsOf<T>(reply: LineReply, row: (fields: readonly string[]) => T | undefined): readonly T[] {
  return reply.lines.flatMap((line) => row(fieldsOf(line)) ?? []);
}

/** Fields with blanks between; one with blanks in it is in double quotes, as it would be typed. */
export function fieldsOf(line: string): readonly string[] {
  const fields = line.matchAll(/"((?:[^"\\]|\\.)*)"|\S+/gs);
  return Array.from(fields, ([whole, quoted]) => quoted?.replace(/\\(.)/gs, '$1') ?? whole);
}

const GROUP_FIELDS = 5;
const MEMBER_FIELDS = 6;
const NEAREST_FIELDS = 4;
const EDGE_FIELDS = 5;

export function groupRow(fields: readonly string[]): FloodGroup | undefined {
  if (fields.length < GROUP_FIELDS) return undefined;
  const [name = '', members, masterSite = '', epoch, topologyNumber] = fields;
  return {
    name,
    members: Number(members),
    masterSite,
    epoch: Number(epoch),
    topologyNumber: Number(topologyNumber),
  };
}

const STATES = ['self', 'up', 'suspect', 'down'] as const;

export function memberRow(fields: readonly string[]): FloodMember | undefined {
  const [site = '', hostname = '', clientPort, dataPort, word, heard, master] = fields;
  const state = STATES.find((known) => known === word);
  if (fields.length < MEMBER_FIELDS || state === undefined) return undefined;
  return {
    site,
    hostname,
    clientPort: Number(clientPort),
    dataPort: Number(dataPort),
    state,
    lastHeardS: measured(heard),
    master: master === 'master',
  };
}

export function nearestRow(fields: readonly string[]): NearSite | undefined {
  if (fields.length < NEAREST_FIELDS) return undefined;
  const [site = '', hostname = '', clientPort, rtt] = fields;
  return { site, hostname, clientPort: Number(clientPort), rttMs: measured(rtt) };
}

export function topologyOf(reply: LineReply): FloodTopology {
  const words = fieldsOf(reply.text);
  const field = (name: string): string => words[words.indexOf(name) + 1] ?? '';
  return {
    epoch: Number(field('epoch')),
    number: Number(field('number')),
    diameter: Number(field('diameter')),
    generator: field('generator'),
    edges: rowsOf(reply, edgeRow),
  };
}

function edgeRow(fields: readonly string[]): FloodEdge | undefined {
  if (fields.length < EDGE_FIELDS) return undefined;
  const [a = '', b = '', cost, rtt, bandwidth] = fields;
  return { a, b, cost: Number(cost), rttMs: measured(rtt), bandwidth: measured(bandwidth) };
}

/** `-` is what was not measured. */
function measured(field: string | undefined): number | undefined {
  return field === undefined || field === '-' ? undefined : Number(field);
}

export function statisticsOf(reply: LineReply): FloodStatistics {
  return Object.fromEntries(
    reply.lines.map((line) => {
      const [name = '', value = ''] = fieldsOf(line);
      return [name, /^-?\d+(\.\d+)?$/.test(value) ? Number(value) : value];
    }),
  );
}

// Lines of floodd's replies as objects (docs/floodd.md; fields in the order of the lines). Names may have blanks, so fields are counted
// from the end of a line where they can be. Pure.
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
  /** Seconds since it was heard. */
  readonly lastHeardS: number;
  readonly master: boolean;
}

export interface FloodEdge {
  readonly a: string;
  readonly b: string;
  /** Milliseconds to move 10 KiB one way. */
  readonly cost: number;
  readonly rttMs: number;
  /** Bytes a second. */
  readonly bandwidth: number;
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
export function rowsOf<T>(reply: LineReply, row: (line: string) => T | undefined): readonly T[] {
  return reply.lines.flatMap((line) => row(line) ?? []);
}

export function groupRow(line: string): FloodGroup | undefined {
  const m = /^(.+?) (\d+) (.+) (\d+) (\d+)$/.exec(line);
  if (m === null) return undefined;
  return {
    name: m[1]!,
    members: Number(m[2]),
    masterSite: m[3]!,
    epoch: Number(m[4]),
    topologyNumber: Number(m[5]),
  };
}

export function memberRow(line: string): FloodMember | undefined {
  const m = /^(.+) (\S+) (\d+) (\d+) (self|up|suspect|down) (\S+)( master)?$/.exec(line);
  if (m === null) return undefined;
  return {
    site: m[1]!,
    hostname: m[2]!,
    clientPort: Number(m[3]),
    dataPort: Number(m[4]),
    state: m[5] as FloodMember['state'],
    lastHeardS: Number(m[6]),
    master: m[7] !== undefined,
  };
}

export function nearestRow(line: string): NearSite | undefined {
  const m = /^(.+) (\S+) (\d+) (\S+)$/.exec(line);
  if (m === null) return undefined;
  const rttMs = m[4] === '-' ? undefined : Number(m[4]);
  return { site: m[1]!, hostname: m[2]!, clientPort: Number(m[3]), rttMs };
}

export function topologyOf(reply: LineReply): FloodTopology {
  const field = (name: string): string => new RegExp(`\\b${name} (\\S+)`).exec(reply.text)?.[1] ?? '';
  return {
    epoch: Number(field('epoch')),
    number: Number(field('number')),
    diameter: Number(field('diameter')),
    generator: field('generator'),
    edges: rowsOf(reply, edgeRow),
  };
}

/** Two names with one blank between: names that have blanks themselves are parted at the first. */
function edgeRow(line: string): FloodEdge | undefined {
  const m = /^(\S+) (.+) (\S+) (\S+) (\S+)$/.exec(line);
  if (m === null) return undefined;
  return { a: m[1]!, b: m[2]!, cost: Number(m[3]), rttMs: Number(m[4]), bandwidth: Number(m[5]) };
}

export function statisticsOf(reply: LineReply): FloodStatistics {
  return Object.fromEntries(
    reply.lines.map((line) => {
      const blank = line.indexOf(' ');
      const value = line.slice(blank + 1);
      return [line.slice(0, blank), /^-?\d+(\.\d+)?$/.test(value) ? Number(value) : value];
    }),
  );
}

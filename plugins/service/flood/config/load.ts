// Puts a site's configuration together: floodd's own file (named, or found in the original's search order), what the INI
// file says beside it or in its place, and which site this is. What INI says goes before the file, by whole sites and groups.
import { PealError, PealErrors, reasonOf } from 'peal/plugin';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { hostname, networkInterfaces } from 'node:os';
import {
  CONFIG_ERRORS,
  type Definitions,
  type GroupForm,
  type LocalDefinition,
  MAX_FILE_BYTES,
  readDefinitions,
  type SiteForm,
} from './definitions.js';
import { findConfig, ownSite, type Surroundings } from './find.js';
import { settle, type Settled } from './settings.js';

export interface FloodRequest {
  /** floodd's own file; absent: as `findConfig` finds it, unless sites are defined here. */
  readonly file?: string | undefined;
  /** Which site this is; absent: as `ownSite` finds it. */
  readonly site?: string | undefined;
  readonly sites?: readonly SiteForm[];
  readonly groups?: readonly GroupForm[];
  readonly local?: Partial<LocalDefinition>;
}

export interface FloodConfig extends Settled {
  /** What was read, if anything was. */
  readonly file: string | undefined;
}

/** The world that this process is in. */
export const processSurroundings: Surroundings = {
  env: process.env,
  exists: existsSync,
  get hostname() {
    return hostname();
  },
  isLocal: (address) =>
    address.startsWith('127.') ||
    Object.values(networkInterfaces()).some((of) => of?.some((a) => a.address === address)),
};

/** Throws a PealError, or PealErrors with all there are. */
export function loadFlood(request: FloodRequest, world: Surroundings = processSurroundings): FloodConfig {
  const inline = (request.sites ?? []).length + (request.groups ?? []).length > 0;
  const file = request.file ?? (inline ? undefined : findConfig(request.site, world));
  const read = file === undefined ? undefined : readFile(file);
  const sites = merged(request.sites ?? [], read?.sites ?? []);
  const groups = merged(request.groups ?? [], read?.groups ?? []);
  const local = { ...read?.local, ...given(request.local ?? {}) };
  const own = ownSite(sites, request.site ?? read?.siteName, world);
  const settled = settle({ sites, groups, local, ...(read === undefined ? {} : { export: read.export }) }, own.name);
  return { ...settled, warnings: [...(read?.warnings ?? []), ...settled.warnings], file };
}

/** Reads and checks a file of floodd's language. Throws a PealError, or PealErrors with all that are in it. */
export function readFile(file: string): Definitions {
  let text: string;
  try {
    const { size } = statSync(file);
    if (size > MAX_FILE_BYTES) {
      const values = { bytes: size, limit: MAX_FILE_BYTES };
      throw PealError.of(CONFIG_ERRORS.TOO_LARGE, values, { at: { file, line: 1, column: 1 } });
    }
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    if (cause instanceof PealError) throw cause;
    throw PealError.of(CONFIG_ERRORS.NO_FILE, { file, detail: reasonOf(cause) }, { cause });
  }
  const definitions = readDefinitions(text, file);
  if (definitions.errors.length > 0) throw new PealErrors(definitions.errors);
  return definitions;
}

/** The first ones, and those of the others whose names are new. */
function merged<T extends { readonly name: string }>(first: readonly T[], others: readonly T[]): readonly T[] {
  return [...first, ...others.filter((o) => !first.some((f) => f.name === o.name))];
}

/** Without what was not said. */
function given(local: Partial<LocalDefinition>): Partial<LocalDefinition> {
  return Object.fromEntries(Object.entries(local).filter(([, value]) => value !== undefined));
}

/** A site of that host is for this host only. */
export function isLoopbackName(hostname: string): boolean {
  return hostname === 'localhost' || hostname.startsWith('127.');
}

// Where floodd's configuration file is, and which of its sites this daemon is: the original's search order, then names
// and addresses of the host (docs/floodd.md). The world is handed in, so that tests stand on ground of their own.
import { PealError } from 'peal/plugin';
import { CONFIG_ERRORS, type SiteForm } from './definitions.js';

export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly exists: (file: string) => boolean;
  /** Own host name, full or short. */
  readonly hostname: string;
  readonly isLocal: (address: string) => boolean;
}

/**
 * The file named by FLOODD_CONFIG; else `floodd-SITE` in the current directory, if a site was named; else `floodd-config`.
 * The variable goes first also when its file is missing: who sets it does not want another one. Throws a coded error.
 */
export function findConfig(site: string | undefined, world: Pick<Surroundings, 'env' | 'exists'>): string {
  const named = world.env['FLOODD_CONFIG'];
  if (named !== undefined && named !== '') return named;
  // A site's name may have any characters; only without a slash it is part of the name of a file here.
  const files = [...(site === undefined || site.includes('/') ? [] : [`floodd-${site}`]), 'floodd-config'];
  const found = files.find((file) => world.exists(file));
  if (found !== undefined) return found;
  throw PealError.of(CONFIG_ERRORS.NO_CONFIG, { tried: files.map((f) => `there is no ${f}`).join(', ') });
}

/**
 * Which site this is: the one named, else the only one that has the name of this host or an address of it. Throws a coded
 * error that names the candidates.
 */
export function ownSite(
  sites: readonly SiteForm[],
  named: string | undefined,
  world: Pick<Surroundings, 'hostname' | 'isLocal'>,
): SiteForm {
  const known = sites.map((s) => s.name).join(', ');
  if (named !== undefined) {
    const site = sites.find((s) => s.name === named);
    if (site !== undefined) return site;
    throw PealError.of(CONFIG_ERRORS.NO_SUCH_SITE, { site: named, known });
  }
  const own = world.hostname.toLowerCase();
  const short = own.split('.')[0];
  const here = sites.filter(({ hostname, inetAddress }) => {
    const host = hostname.toLowerCase();
    return host === own || host === short || (inetAddress !== undefined && world.isLocal(inetAddress));
  });
  if (here.length === 1) return here[0]!;
  if (here.length === 0) throw PealError.of(CONFIG_ERRORS.WHO_AM_I, { host: world.hostname, known });
  throw PealError.of(CONFIG_ERRORS.WHO_AM_I_MANY, { found: here.map((s) => s.name).join(', ') });
}

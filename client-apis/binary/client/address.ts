// Where a daemon is: the C library's names of it, or host, port and path apart.
import { ClientError } from './errors.js';

export const DEFAULT_PORT = 4803;
const PORT_MAX = 65_535;

export type Where = { readonly path: string } | { readonly host: string; readonly port: number };

/**
 * `4803`: unix socket /tmp/4803; `4803@host`: TCP; a text with a slash: the path of a unix socket; empty: as 4803.
 * Throws ILLEGAL_SPREAD.
 */
export function parseSpreadName(name: string): Where {
  if (name.includes('/')) return { path: name };
  const [, port, host] = /^(\d{0,5})(?:@(.+))?$/.exec(name) ?? [];
  const number = port === '' || port === undefined ? DEFAULT_PORT : Number(port);
  if (port === undefined || number > PORT_MAX || (port === '' && host !== undefined))
    throw new ClientError('ILLEGAL_SPREAD', `${JSON.stringify(name)} names no daemon`);
  return host === undefined ? { path: `/tmp/${number}` } : { host, port: number };
}

/** Throws ILLEGAL_SPREAD. */
export function placeOf(host: string, port: number): Where {
  if (!Number.isInteger(port) || port < 1 || port > PORT_MAX)
    throw new ClientError('ILLEGAL_SPREAD', `${port} is no port of a daemon`);
  return { host, port };
}

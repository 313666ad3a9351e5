// Which of several daemons is near: as the original advises, the client asks them all, takes the first that answers, and remembers it
// (floodd notes, 4.1).
import { createConnection, type Socket } from 'node:net';
import { ReplyReader } from './reader.js';

const TIMEOUT_MS = 5000;
/** An answer is remembered that long, milliseconds. */
const CACHE_MS = 600_000;
/** Lists that are remembered. */
const MAX_CACHED = 100;

export interface Place {
  readonly host: string;
  readonly port: number;
}

export interface NearestOptions {
  /** Nobody has answered by then: none is near. Default 5000. */
  readonly timeoutMs?: number;
  /** Ask again although the answer is known; default false. */
  readonly fresh?: boolean;
}

const known = new Map<string, { readonly place: Place; readonly untilMs: number }>();

/** The first of these text ports that greets; remembered for ten minutes. Undefined: none did. */
export async function nearest<P extends Place>(list: readonly P[], o: NearestOptions = {}): Promise<P | undefined> {
  const key = list.map(({ host, port }) => `${host}:${port}`).join(' ');
  const before = known.get(key);
  if (o.fresh !== true && before !== undefined && before.untilMs > performance.now()) return before.place as P;
  const sockets: Socket[] = [];
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), o.timeoutMs ?? TIMEOUT_MS);
  });
  const first = Promise.any(list.map((place) => greets(place, sockets))).catch(() => undefined);
  const place = await Promise.race([first, late]);
  clearTimeout(timer);
  for (const socket of sockets) socket.destroy();
  known.delete(key);
  if (place === undefined) return undefined;
  known.set(key, { place, untilMs: performance.now() + CACHE_MS });
  if (known.size > MAX_CACHED) known.delete(known.keys().next().value!);
  return place;
}

function greets<P extends Place>(place: P, sockets: Socket[]): Promise<P> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ host: place.host, port: place.port });
    sockets.push(socket);
    const reader = new ReplyReader((received) => {
      if (received.kind === 'reply' && received.reply.code === 220) resolve(place);
      else reject(new Error('no greeting'));
    });
    socket.on('data', (chunk: Buffer) => reader.push(chunk));
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('closed')));
  });
}

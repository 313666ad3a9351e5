// The resync command: run when this site and a peer are found to differ, once at a time and at most once a minute for each
// group and peer, with the list of what is missing on its standard input (docs/floodd.md, resynchronisation).
import { type Clock, type Logger, type Process, reasonOf } from 'peal/plugin';
import type { SiteDefinition } from './machine/settings.js';
import type { FloodEvent, MissingRange } from './machine/types.js';

/** Between two runs for one group and peer, milliseconds. */
const PAUSE_MS = 60_000;
/** A run that takes longer is ended, milliseconds. */
const LIMIT_MS = 3_600_000;
/** Pairs of group and peer that are remembered. */
const MAX_REMEMBERED = 10_000;

export interface ResyncOptions {
  readonly command: string | undefined;
  readonly process: Process;
  readonly clock: Clock;
  readonly log: Logger;
  readonly site: (name: string) => SiteDefinition | undefined;
  readonly missing: (group: string) => readonly MissingRange[] | undefined;
}

export class Resync {
  private readonly begun = new Map<string, number>();
  private readonly running = new Set<string>();
  private readonly abort = new AbortController();
  runs = 0;

  constructor(private readonly o: ResyncOptions) {}

  differs({ group, peer, reason }: FloodEvent & { readonly kind: 'inconsistent' }): void {
    const { command, clock } = this.o;
    if (command === undefined || this.abort.signal.aborted) return;
    const pair = JSON.stringify([group, peer]);
    const now = clock.nowMs();
    const last = this.begun.get(pair);
    if (this.running.has(pair) || (last !== undefined && now - last < PAUSE_MS)) return;
    if (this.begun.size >= MAX_REMEMBERED) this.begun.clear();
    this.begun.set(pair, now);
    this.running.add(pair);
    this.runs++;
    void this.run(command, group, peer, reason).finally(() => this.running.delete(pair));
  }

  stop(): void {
    this.abort.abort();
  }

  private async run(command: string, group: string, peer: string, reason: string): Promise<void> {
    const { process, log, missing } = this.o;
    log.info('the resync command begins', { group, peer, reason });
    try {
      const { status, signal } = await process.run({
        file: '/bin/sh',
        args: ['-c', command],
        env: { FLOODD_GROUP: plain(group), FLOODD_REASON: reason, ...peerEnvironment(peer, this.o.site(peer)) },
        input: [Buffer.from((missing(group) ?? []).map(missingLine).join(''))],
        timeoutMs: LIMIT_MS,
        signal: this.abort.signal,
      });
      if (status !== 0) log.warn(`the resync command ended with ${status ?? signal ?? 'nothing'}`, { group, peer });
    } catch (error) {
      log.warn(`the resync command could not be started: ${reasonOf(error)}`, { group, peer });
    }
  }
}

/** What a hook is told of the other site. */
export function peerEnvironment(peer: string, site: SiteDefinition | undefined): Readonly<Record<string, string>> {
  return {
    FLOODD_PEER: plain(peer),
    FLOODD_PEER_HOST: plain(site?.inetAddress ?? site?.hostname ?? ''),
    FLOODD_PEER_CLIENT_PORT: String(site?.clientPort ?? ''),
  };
}

/** `origin incarnation first-last reason`, as `missing` of the text port has it. */
function missingLine({ origin, incarnation, first, last, reason }: MissingRange): string {
  return `${origin} ${incarnation} ${first}-${last} ${reason}\n`;
}

/** Names come from strangers: nothing of them may end a value of the environment. */
function plain(text: string): string {
  return text.replace(/\p{Cc}/gu, '?');
}

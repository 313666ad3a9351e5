// How long clients wait for their view after a daemon was killed. More kinds of change: `npm run times`.
import { buildFrame, frameService, GROUPS_COUNT_OFFSET, readU32, Service } from '../../core/wire/frame.js';
import type { Cluster } from '../cluster.js';
import { RawClient } from '../raw-client.js';
import type { Row } from '../row.js';

const GROUP = 'watch';
/** A change that takes longer has failed. */
const LIMIT_MS = 30_000;

/** A client that knows how many members the group has. */
class Watcher {
  private members = 0;
  private waiting: { n: number; resolve(): void } | undefined;
  private readonly raw: RawClient;

  constructor(c: Cluster, at: number) {
    this.raw = new RawClient(
      { ...c.hosts[at]!, name: `w${at}` },
      {
        ready: (self) => this.raw.socket.write(buildFrame({ service: Service.JOIN, sender: self, groups: [GROUP] })),
        frame: (bytes, at) => {
          if ((frameService(bytes, at) & Service.REG_MEMB) === 0) return;
          this.members = readU32(bytes, at + GROUPS_COUNT_OFFSET);
          if (this.waiting?.n === this.members) this.waiting.resolve();
        },
        chunk: () => undefined,
        failed: () => undefined,
      },
    );
  }

  async sees(n: number): Promise<void> {
    if (this.members === n) return;
    await new Promise<void>((resolve, reject) => {
      const limit = setTimeout(() => reject(new Error(`no view of ${n} members after ${LIMIT_MS} ms`)), LIMIT_MS);
      this.waiting = {
        n,
        resolve: () => {
          clearTimeout(limit);
          resolve();
        },
      };
    });
  }

  end(): void {
    this.raw.socket.destroy();
  }
}

export const changes: readonly Row[] = [
  {
    name: 'view-after-kill',
    measures: 'one of three daemons is killed: until the clients of the others have their view',
    options: { signal: 'SIGKILL' },
    figures: [{ name: 'time', unit: 'ms', better: 'less' }],
    variants: ['tcp', 'ring', 'spread'],
    fresh: true,
    run: async (c) => {
      const watchers = c.hosts.map((_, i) => new Watcher(c, i));
      try {
        await Promise.all(watchers.map((w) => w.sees(c.hosts.length)));
        const from = performance.now();
        c.processes[c.hosts.length - 1]!.kill('SIGKILL');
        await Promise.all(watchers.slice(0, -1).map((w) => w.sees(c.hosts.length - 1)));
        return { time: performance.now() - from };
      } finally {
        for (const w of watchers) w.end();
      }
    },
  },
];

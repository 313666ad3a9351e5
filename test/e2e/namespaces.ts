// Network namespaces on a bridge, as machines on one network. Needs root and iproute2; who has not gets
// undefined. Everything has the number of this process in its name and is taken down again.
import { type ChildProcess, execFileSync, spawn, type StdioOptions } from 'node:child_process';

const BRIDGE = 'bridge';
const CARD = 'eth0';
/** A card of nobody. */
const NOBODY = '02:00:00:00:00:99';

function ip(...args: string[]): void {
  execFileSync('ip', args, { stdio: 'pipe' });
}

/** What has come from one namespace to the bridge. */
export interface Traffic {
  readonly frames: number;
  readonly bytes: number;
}

export class Namespaces {
  readonly #hub: string;
  readonly #names: readonly string[];

  private constructor(count: number) {
    this.#hub = `peal${process.pid}hub`;
    this.#names = Array.from({ length: count }, (_, i) => `peal${process.pid}n${i}`);
  }

  static create(count: number): Namespaces | undefined {
    const all = new Namespaces(count);
    try {
      all.#build();
      return all;
    } catch {
      all.destroy();
      return undefined;
    }
  }

  #build(): void {
    ip('netns', 'add', this.#hub);
    ip('-n', this.#hub, 'link', 'add', BRIDGE, 'type', 'bridge');
    ip('-n', this.#hub, 'link', 'set', BRIDGE, 'up');
    this.#names.forEach((name, i) => {
      ip('netns', 'add', name);
      ip('link', 'add', CARD, 'netns', name, 'type', 'veth', 'peer', 'name', `port${i}`, 'netns', this.#hub);
      ip('-n', this.#hub, 'link', 'set', `port${i}`, 'master', BRIDGE, 'up');
      ip('-n', name, 'address', 'add', `${this.address(i)}/24`, 'dev', CARD);
      ip('-n', name, 'link', 'set', CARD, 'up');
      ip('-n', name, 'link', 'set', 'lo', 'up');
    });
  }

  address(i: number): string {
    return `10.77.0.${i + 1}`;
  }

  /** Runs a program of Node's in the i-th namespace. */
  node(i: number, args: readonly string[], stdio: StdioOptions): ChildProcess {
    return this.run(i, process.execPath, args, stdio);
  }

  /** Runs any program in the i-th namespace. */
  run(i: number, program: string, args: readonly string[], stdio: StdioOptions): ChildProcess {
    return spawn('ip', ['netns', 'exec', this.#names[i]!, program, ...args], { stdio });
  }

  /** Everything from the i-th to the j-th goes to a card that nobody has, until it is mended: lost without a word. */
  cut(i: number, j: number): void {
    ip('-n', this.#names[i]!, 'neigh', 'replace', this.address(j), 'lladdr', NOBODY, 'dev', CARD, 'nud', 'permanent');
  }

  mend(i: number, j: number): void {
    try {
      ip('-n', this.#names[i]!, 'neigh', 'del', this.address(j), 'dev', CARD);
    } catch {
      // It was not cut.
    }
  }

  /** What leaves the i-th is at the most that many kbit/s; undefined: as fast as it goes. */
  limit(i: number, kbits: number | undefined): void {
    const of = ['-n', this.#names[i]!, 'qdisc'];
    if (kbits !== undefined) {
      const shape = ['root', 'tbf', 'rate', `${kbits}kbit`, 'burst', '32k', 'latency', '100ms'];
      execFileSync('tc', [...of, 'replace', 'dev', CARD, ...shape], { stdio: 'pipe' });
      return;
    }
    try {
      execFileSync('tc', [...of, 'del', 'dev', CARD, 'root'], { stdio: 'pipe' });
    } catch {
      // It had no limit.
    }
  }

  traffic(i: number): Traffic {
    const text = execFileSync('ip', ['-n', this.#hub, '-s', '-j', 'link', 'show', 'dev', `port${i}`], {
      encoding: 'utf8',
    });
    const [link] = JSON.parse(text) as { stats64: { rx: { packets: number; bytes: number } } }[];
    const { packets, bytes } = link!.stats64.rx;
    return { frames: packets, bytes };
  }

  destroy(): void {
    for (const name of [...this.#names, this.#hub])
      try {
        ip('netns', 'del', name);
      } catch {
        // It was not made.
      }
  }
}

// A map that all members of a group keep alike, through crashes, partitions and merges: an example of the state transfer
// of `peal/client` (docs/client-library.md). Of two values written apart the one that was written later counts, by a
// counter that every write raises; then the writer with the greater name.
//
//   node dist/examples/replicated-map.js 4803@127.0.0.1 phones      then:  set KEY VALUE | delete KEY | show | quit
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { connect, ReplicatedGroup, type Replica, type Session } from 'peal/client';

interface Entry {
  /** Undefined: deleted. A deletion is remembered, or a merge would bring the value back. */
  readonly value: string | undefined;
  readonly count: number;
  readonly writer: string;
}

interface Write {
  readonly key: string;
  readonly value?: string;
}

export class ReplicatedMap implements Replica, AsyncDisposable {
  private entries = new Map<string, Entry>();
  readonly group: ReplicatedGroup;

  constructor(session: Session, group: string) {
    this.group = new ReplicatedGroup(session, group, this);
  }

  get(key: string): string | undefined {
    return this.entries.get(key)?.value;
  }

  /** Keys and values, by key. */
  all(): [string, string][] {
    const all = [...this.entries].flatMap(([k, e]) =>
      e.value === undefined ? [] : [[k, e.value] as [string, string]],
    );
    return all.sort(([a], [b]) => (a < b ? -1 : 1));
  }

  /** Seen by `get` as soon as it is ordered. */
  set(key: string, value: string): void {
    this.group.multicast(JSON.stringify({ key, value } satisfies Write));
  }

  delete(key: string): void {
    this.group.multicast(JSON.stringify({ key } satisfies Write));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.group.disconnect();
  }

  // --- what the state transfer asks ---

  apply(m: { readonly data: Uint8Array; readonly sender: string }): void {
    const { key, value } = JSON.parse(Buffer.from(m.data).toString()) as Write;
    const count = (this.entries.get(key)?.count ?? 0) + 1;
    this.entries.set(key, { value, count, writer: m.sender });
  }

  snapshot(): Uint8Array {
    return Buffer.from(JSON.stringify([...this.entries]));
  }

  merge(snapshots: readonly Uint8Array[]): void {
    this.entries = new Map();
    for (const s of snapshots)
      for (const [key, entry] of JSON.parse(Buffer.from(s).toString()) as [string, Entry][]) {
        const known = this.entries.get(key);
        if (known === undefined || later(entry, known)) this.entries.set(key, entry);
      }
  }
}

function later(a: Entry, b: Entry): boolean {
  return a.count > b.count || (a.count === b.count && a.writer > b.writer);
}

async function main([at = '4803@127.0.0.1', group = 'map']: readonly string[]): Promise<void> {
  const session = await connect({ at, reconnect: true });
  await using map = new ReplicatedMap(session, group);
  map.group.on('complete', (v) => console.log(`(whole, members ${v.members.join(' ')})`));
  await map.group.whole();
  for await (const line of createInterface({ input: process.stdin })) {
    const [command, key, ...value] = line.trim().split(/\s+/);
    if (command === 'set' && key !== undefined) map.set(key, value.join(' '));
    else if (command === 'delete' && key !== undefined) map.delete(key);
    else if (command === 'show') for (const [k, v] of map.all()) console.log(`${k} = ${v}`);
    else if (command === 'quit') break;
    else if (command !== '') console.log('set KEY VALUE | delete KEY | show | quit');
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await main(process.argv.slice(2));

// One log of messages and views that many readers write together: the first to see an entry appends it, the others
// must see the same. A session that joins does not know what came before its first view; it begins a fragment of its
// own, which the readers of the main log reach when they see that view.
import type { ViewEvent } from '../trace.js';

/** A message id, or a view. */
export type Entry = number | string;

export function viewEntry(e: ViewEvent): Entry {
  return `view ${e.id}`;
}

interface Fragment {
  readonly entries: Entry[];
  next: Fragment | undefined;
  linked: boolean;
}

/** Where a reader is: what it sees next. */
export interface Place {
  fragment: Fragment;
  index: number;
}

export class GroupLog {
  private readonly root: Fragment = { entries: [], next: undefined, linked: true };
  private readonly fragments = new Map<Entry, Fragment>();
  private readonly views = new Map<Entry, Place>();
  private broken = false;

  /** The place of one who was there when the log began. */
  begin(): Place {
    return { fragment: this.root, index: 0 };
  }

  /** The place behind the first view of one who joins. */
  enter(view: Entry): Place {
    const known = this.views.get(view);
    if (known !== undefined) return { fragment: known.fragment, index: known.index + 1 };
    const fragment: Fragment = { entries: [view], next: undefined, linked: false };
    this.fragments.set(view, fragment);
    this.views.set(view, { fragment, index: 0 });
    return { fragment, index: 1 };
  }

  /** Moves `at` over `entry`; answers what stands there instead if it is not that. Only the first fault is told. */
  advance(at: Place, entry: Entry): Entry | undefined {
    if (this.broken) return undefined;
    if (at.index === at.fragment.entries.length) {
      at.fragment.next ??= this.link(entry);
      if (at.fragment.next !== undefined) {
        at.fragment = at.fragment.next;
        at.index = 0;
      } else if (this.views.has(entry)) return this.fault(`${entry} elsewhere`);
      else {
        if (typeof entry === 'string') this.views.set(entry, { fragment: at.fragment, index: at.index });
        at.fragment.entries.push(entry);
      }
    }
    const there = at.fragment.entries[at.index]!;
    at.index++;
    return there === entry ? undefined : this.fault(there);
  }

  atEnd(at: Place): boolean {
    return this.broken || (at.index === at.fragment.entries.length && at.fragment.next === undefined);
  }

  /** What stands from there on. */
  rest(at: Place): Entry[] {
    const all = at.fragment.entries.slice(at.index);
    for (let f = at.fragment.next; f !== undefined; f = f.next) all.push(...f.entries);
    return all;
  }

  private link(entry: Entry): Fragment | undefined {
    const f = this.fragments.get(entry);
    if (f === undefined || f.linked) return undefined;
    f.linked = true;
    return f;
  }

  private fault(there: Entry): Entry {
    this.broken = true;
    return there;
  }
}

// What a session must know to be made anew, and to say what was missed: groups with their last views, and own messages
// without proof of delivery. Only messages that come back to us prove themselves: those to a group we are in, without
// self-discard. Pure.
import type { GroupId, InDoubt, Lost, SessionEvent } from './events.js';

interface Entered {
  view: GroupId | undefined;
}

/** Own messages in doubt that are told one by one; older ones are only counted. */
export const IN_DOUBT_KEPT = 10_000;

export class Ledger {
  private readonly groups = new Map<string, Entered>();
  /** Sent and not proved, oldest first. */
  private doubtful: InDoubt[] = [];
  private untold = 0;
  private number = 0;

  /** Groups we asked to be in, in the order of the joins. */
  get joined(): string[] {
    return [...this.groups.keys()];
  }

  has(group: string): boolean {
    return this.groups.has(group);
  }

  join(group: string): void {
    if (!this.groups.has(group)) this.groups.set(group, { view: undefined });
  }

  leave(group: string): void {
    this.groups.delete(group);
  }

  /** Numbers a message; with `keep` it stays in doubt until it comes back. */
  sent(groups: readonly string[], type: number, bytes: number, keep: boolean): number {
    const number = ++this.number;
    if (!keep) return number;
    this.doubtful.push({ number, groups, type, bytes });
    if (this.doubtful.length > IN_DOUBT_KEPT * 2) {
      this.untold += this.doubtful.length - IN_DOUBT_KEPT;
      this.doubtful = this.doubtful.slice(-IN_DOUBT_KEPT);
    }
    return number;
  }

  /**
   * Own messages come back in the order in which they were sent. So the first like this one is it, and earlier ones,
   * which went elsewhere, were ordered before it.
   */
  saw(e: SessionEvent, self: string): void {
    if (e.kind === 'view') {
      const entered = this.groups.get(e.group);
      if (entered) entered.view = e.id;
    } else if (e.kind === 'message' && e.sender === self) {
      const i = this.doubtful.findIndex(
        (d) =>
          d.bytes === e.data.length &&
          d.type === e.type &&
          d.groups.length === e.groups.length &&
          d.groups.every((g, k) => g === e.groups[k]),
      );
      if (i >= 0) this.doubtful.splice(0, i + 1);
    }
  }

  /** The connection is gone: what is missed and what is in doubt. The doubts are told once. */
  lost(why: string): Lost {
    const kept = this.doubtful.slice(-IN_DOUBT_KEPT);
    const inDoubtUntold = this.untold + this.doubtful.length - kept.length;
    this.doubtful = [];
    this.untold = 0;
    const groups = [...this.groups].map(([group, { view }]) => ({ group, view }));
    for (const g of this.groups.values()) g.view = undefined;
    return { kind: 'lost', why, inDoubt: kept, inDoubtUntold, groups };
  }
}

// The own daemon's sessions as the group layer sees them: who is attached, who still receives, and the lists of
// recipients that the path of messages uses (docs/design/groups.md, 4.6 and 8.3).
import { ChurnMap } from '../churn-map.js';
import type { Bytes } from '../types.js';
import { privateGroupOf } from '../../wire/name.js';
import { NameTable, nameField } from './names.js';

export interface LocalSession {
  /** The driver's number; never used again. */
  readonly id: number;
  readonly name: string;
  /** `#name#daemon`, as a name field. */
  readonly field: Bytes;
  /** Does it want membership frames? */
  readonly membership: boolean;
  /** Nothing more is delivered to it. */
  detached: boolean;
  /** Scratch of the router: the last message that was found to go here. */
  mark: number;
}

/**
 * Whatever a destination can name. The list is sorted by session id and holds no detached session. It is replaced, not
 * changed, when a session is detached: that can happen while somebody walks it.
 */
export interface Target {
  local: LocalSession[];
}

/** Of one of our sessions, from its start until its disconnect is reached. */
class PrivateGroup implements Target {
  local: LocalSession[];

  constructor(readonly session: LocalSession) {
    this.local = [session];
  }
}

/** Enters a session into a list sorted by id. */
export function addSession(list: LocalSession[], session: LocalSession): void {
  let i = list.length;
  while (i > 0 && list[i - 1]!.id > session.id) i--;
  list.splice(i, 0, session);
}

/** Takes a session out of a target, by a new list. */
export function dropSession(target: Target, session: LocalSession): void {
  if (target.local.includes(session)) target.local = target.local.filter((s) => s !== session);
}

export class LocalSessions {
  readonly #byId = new ChurnMap<number, LocalSession>();
  readonly #byName = new ChurnMap<string, LocalSession>();

  constructor(
    readonly daemon: string,
    readonly table: NameTable<Target>,
  ) {}

  get count(): number {
    return this.#byId.size;
  }

  nameInUse(name: string): boolean {
    return this.#byName.has(name);
  }

  /** The session whose private group is in the field at `at`. */
  find(b: Bytes, at: number): LocalSession | undefined {
    const target = this.table.get(b, at);
    return target instanceof PrivateGroup ? target.session : undefined;
  }

  get(id: number): LocalSession | undefined {
    return this.#byId.get(id);
  }

  attach(id: number, name: string, membership: boolean): void {
    if (this.#byId.has(id) || this.#byName.has(name)) throw new Error(`session ${id} (${name}) is attached already`);
    const field = nameField(privateGroupOf(name, this.daemon));
    const session = { id, name, field, membership, detached: false, mark: 0 };
    this.#byId.set(id, session);
    this.#byName.set(name, session);
    this.table.add(field, new PrivateGroup(session));
  }

  /** Its private group reaches nobody any more; groups are the caller's. */
  detach(session: LocalSession): void {
    session.detached = true;
    this.table.get(session.field, 0)!.local = [];
  }

  /** The disconnect was reached: the name is free. */
  gone(session: LocalSession): void {
    this.detach(session);
    this.#byId.delete(session.id);
    this.#byName.delete(session.name);
    this.table.delete(session.field);
  }
}

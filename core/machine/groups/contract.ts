// Contract of the group layer: a pure function of the one ordered stream (docs/design/groups.md).
import type { Bytes, Configuration, ConfigurationId, Member } from '../types.js';

export interface GroupsOut {
  /** A run of whole frames (regular and membership frames alike) for a local session, `messages` of them. */
  deliver(session: number, frames: Bytes, messages: number): void;
  /** The disconnect of a local session was reached in the order, or it was forgotten. */
  gone(session: number): void;
  /**
   * Own part of the state exchange, to be ordered before anything else of the new configuration; each at most
   * `maxStateBytes`. Called from inside `regular`. Nothing else may be submitted until `exchanged`.
   */
  submitState(messages: readonly Bytes[]): void;
  exchanged(): void;
}

/** Driven by delivery. Calls come in the one order of the daemon's configurations. */
export interface GroupsMachine {
  /** A local session exists from now on (it is in no group, but reachable by its private group). */
  attach(session: number, name: string, membership: boolean): void;
  /** Deliver nothing more to it; its KILL frame is still to come through the order, and then `gone` is called. */
  detach(session: number): void;
  /** It ends, and nobody else has to hear of it since it never asked to join a group: its name is free, `gone` is called. */
  forget(session: number): void;
  /** Is a session of that name attached and its disconnect not yet delivered? */
  nameInUse(name: string): boolean;

  /**
   * The transitional configuration begins: `survivors` are the members of the current regular configuration that go
   * on together (own daemon included). `id` is unique to this transitional configuration.
   */
  transitional(id: ConfigurationId, survivors: readonly Member[]): void;
  /**
   * A regular configuration begins. `survivors` as above (the empty list at the very first one). When the members are
   * the survivors and no exchange was cut short there is nothing to exchange (`exchanging` tells); else `submitState`,
   * and the exchange ends at the last state message. State messages of an earlier configuration that were never
   * numbered are not carried over.
   */
  regular(configuration: Configuration, survivors: readonly Member[]): void;
  /** Whole canonical frames of the daemon of that rank in the current regular configuration: bytes [from, to) of a pack. */
  frames(sender: number, bytes: Bytes, from: number, to: number): void;
  /** A state message of the daemon of that rank. Hostile until checked: false if malformed (counted by the caller). */
  state(sender: number, bytes: Bytes): boolean;
  /** Is an exchange running? */
  readonly exchanging: boolean;

  /** `ignored`: frames that no honest daemon sends or that came when none may come, and joins beyond the limit. */
  counts(): { sessions: number; groups: number; ignored: number };
  /** Members of a group in view order, private group names; for status and the text protocols. */
  members(group: string): readonly string[];
  groups(): readonly string[];
  describe(): string;
}

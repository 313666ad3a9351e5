// Planted bugs of the mesh: reliability, order per sender, stability (docs/design/mesh.md).
import { planted } from './mutant.js';

const RUN = 'mesh/run.ts';
const DAEMON = 'daemon.ts';

export const MESH = planted('mesh', [
  [
    'stable-without-the-first',
    'stable is what every member has accepted',
    'mesh/rows.ts',
    ['for (let m = 0; m < this.#members; m++) least', 'for (let m = 1; m < this.#members; m++) least'],
  ],
  [
    'gap-accepted',
    'packs of a sender are accepted without a gap',
    RUN,
    ['if (index > box.accepted + 1) {', 'if (index > box.accepted + 2) {'],
  ],
  [
    'pack-given-back-with-its-head',
    'of what came, the head alone is given back before its pack is needed no more',
    RUN,
    ['this.#gate.release(bytes, bytes.length - pack.bytes.length);', 'this.#gate.release(bytes);'],
  ],
  [
    'goes-on-one-too-far',
    'what a broken stream lost is sent again',
    'mesh/outbox.ts',
    ['const next = Math.max(index + 1, this.store.first);', 'const next = Math.max(index + 2, this.store.first);'],
  ],
  [
    'dropped-before-all-have-it',
    'a pack is kept until every member has it',
    RUN,
    [
      'this.#outbox.store.drop(this.#rows.stable[this.#self]!);',
      'this.#outbox.store.drop(this.#outbox.store.highest);',
    ],
  ],
  [
    'acknowledgement-only-with-data',
    'what was accepted is acknowledged in time',
    RUN,
    ['if (this.#ackOwed) this.#ackNow = true;', ''],
  ],
  [
    'broken-stream-not-told',
    'after a break both ask for what was in flight',
    RUN,
    ['this.#outbox.standTo(peer, FLAG_RESEND);', ''],
  ],
  [
    'stuck-member-never-suspected',
    'who makes no progress is suspected',
    RUN,
    ["this.#gate.suspect(rank, { kind: 'stuck',", "void ({ rank, kind: 'stuck',"],
  ],
  [
    'held-counts-as-accepted',
    'what is held beyond a gap is not acknowledged',
    RUN,
    [
      'this.#known(from, index, false);\n      return true;',
      'this.#rows.raise(this.#self, from, index);\n      return true;',
    ],
  ],
  [
    'own-acknowledgement-for-others',
    'a row speaks for its sender only',
    RUN,
    [
      'if (first + i !== from) this.#rows.raise(from, first + i,',
      'if (first + i !== from) this.#rows.raise(this.#self, first + i,',
    ],
  ],
  [
    'doubled-pack-accepted',
    'a pack is accepted once',
    RUN,
    ['if (index <= box.accepted)', 'if (index < box.accepted)'],
  ],
  [
    'watch-wakes-once',
    'who looked until all was well looks again later',
    'mesh/watch.ts',
    ['this.#armed = false;\n      this.#lastLook', 'this.#lastLook'],
  ],
  [
    'rows-of-the-first-five',
    'stable is what every member has accepted, however many they are',
    'mesh/rows.ts',
    ['for (let m = 0; m < this.#members; m++) least', 'for (let m = 0; m < Math.min(this.#members, 5); m++) least'],
  ],
  [
    'rank-for-place',
    'what is meant for one member goes to its place in the list',
    DAEMON,
    ["const place = to === 'all' ? 'all' : this.#configuration!.members[to]!.place;", 'const place = to;'],
  ],
  [
    'link-clock-stands-still',
    'the link reads the time of each moment',
    DAEMON,
    ['const { ports } = this;\n    return {', 'const { ports } = this;\n    const now = this.#now;\n    return {'],
    ['now: () => this.#now,', 'now: () => now,'],
  ],
  [
    'one-timer-for-two',
    'each timer of the link is one of its own',
    DAEMON,
    ['ports.setTimer(LINK_TIMERS + key, ms)', 'ports.setTimer(LINK_TIMERS + Math.min(key, 1), ms)'],
  ],
  [
    'entries-of-the-first-five',
    'a row has an entry for every member, however many they are',
    RUN,
    [
      'for (let i = 0; i < count; i++) if (first + i !== from)',
      'for (let i = 0; i < Math.min(count, 5); i++) if (first + i !== from)',
    ],
  ],
  [
    'asks-the-first-five',
    'what is missing is asked for, of whoever sent it',
    RUN,
    ['if (!box.hole || box.nackAt > now) return;', 'if (rank > 4 || !box.hole || box.nackAt > now) return;'],
  ],
]);

// What the client library reads of a daemon that may be anything, and of other members of its groups: frames in either
// byte order, and on top of them the flush layer and the transfer of states, which must bear whatever is said to them.
import { EventReader } from '../../../client-apis/binary/client/reader.js';
import { ClientError } from '../../../client-apis/binary/client/errors.js';
import { FlushMachine } from '../../../client-apis/binary/client/flush-machine.js';
import { StateMachine } from '../../../client-apis/binary/client/state-machine.js';
import { selfLeaveFrame, transitionFrame, viewFrame } from '../../../core/machine/groups/notice.js';
import { buildFrame, HEADER_BYTES, NAME_BYTES, Service, writeName } from '../../../core/wire/frame.js';
import type { Random } from '../../sim/random.js';
import { pieces, type Target } from '../target.js';

const SELF = '#m0#alpha';
const MAX_BYTES = 1 << 20;
const GROUP = 'g';
/** Types of the layers, and one of an application. */
const TYPES = [-32_768, -32_767, -32_766, -31_001, -31_002, 7];
const ID_BYTES = 12;

function field(name: string): Uint8Array {
  const b = new Uint8Array(NAME_BYTES);
  writeName(b, 0, name);
  return b;
}

/** A view of one to four members, with ids that come again, so that answers meet their views. */
function view(r: Random): Uint8Array {
  const members = Array.from({ length: 1 + r.below(4) }, (_, i) => field(`#m${i}#alpha`));
  const all = Uint8Array.from(Buffer.concat(members));
  const id = { number: 1, time: 1, index: r.below(4) };
  if (r.chance(500)) return viewFrame(Service.CAUSED_BY_NETWORK, field(GROUP), all, id, { sets: [[all]], own: 0 });
  const cause = r.pick([Service.CAUSED_BY_JOIN, Service.CAUSED_BY_LEAVE, Service.CAUSED_BY_DISCONNECT]);
  return viewFrame(cause, field(GROUP), all, id, { sets: [[r.pick(members)]], own: 0 });
}

function message(r: Random): Uint8Array {
  const body = new Uint8Array(ID_BYTES + r.below(60));
  body.set([1, 0, 0, 0, 1, 0, 0, 0, r.below(4), 0, 0, 0]);
  const tail = r.chance(500) ? [...body, ...field(GROUP)] : [...r.pick([[], [3, 4]]), ...body.subarray(0, ID_BYTES)];
  return buildFrame({
    service: r.pick([Service.FIFO, Service.AGREED, (Service.FIFO | Service.SUBGROUP_CAST) >>> 0]),
    sender: `#m${r.below(4)}#alpha`,
    groups: [r.pick([GROUP, SELF, 'other'])],
    type: r.pick(TYPES),
    body: Uint8Array.from(tail),
  });
}

function valid(r: Random): Uint8Array {
  const id = { number: 1, time: 1, index: r.below(4) };
  const frames = Array.from({ length: 1 + r.below(12) }, () => {
    const what = r.below(10);
    if (what < 4) return view(r);
    if (what === 4) return transitionFrame(field(GROUP), id);
    return what === 5 ? selfLeaveFrame(field(GROUP)) : message(r);
  });
  return Uint8Array.from(Buffer.concat(frames));
}

function feed(input: Uint8Array, r: Random): boolean {
  const reader = new EventReader(SELF, MAX_BYTES);
  const flush = new FlushMachine(() => SELF, { send: () => undefined, deliver: () => undefined });
  const replica = {
    snapshot: () => new Uint8Array(r.below(9)),
    merge: () => undefined,
    apply: () => undefined,
  };
  const out = { send: () => undefined, complete: () => undefined, incomplete: () => undefined };
  const state = new StateMachine(GROUP, () => SELF, replica, out);
  let events = 0;
  let bytes = 0;
  try {
    for (const piece of pieces(input, r))
      for (const e of reader.push(piece)) {
        events++;
        if (e.kind === 'message') bytes += e.data.length;
        flush.received(e);
        state.received(e);
      }
  } catch (e) {
    if (!(e instanceof ClientError) || e.code !== 'ILLEGAL_MESSAGE') throw e;
  }
  if (bytes > input.length) throw new Error('more came out than went in');
  return events > 0;
}

export default { name: 'client-library', front: HEADER_BYTES, valid, feed } satisfies Target;

// What may differ between the peer's bytes and ours (section 16 of the protocol as measured): number and time of group
// ids; the index of a group that had been empty, since ours never repeats an id. All else must match byte for byte.
import {
  HEADER_BYTES,
  NAME_BYTES,
  SENDER_OFFSET,
  Service,
  frameGroups,
  frameService,
  readName,
  readU32,
} from '../../core/wire/frame.js';
import { GROUP_ID_BYTES, isView } from '../../core/wire/view.js';

const INDEX_OFFSET = 8;

interface Seen {
  readonly ours: GroupId;
  readonly theirs: GroupId;
}

interface GroupId {
  /** Number and time: those of the configuration in which the group's view began anew. */
  readonly epoch: string;
  readonly index: number;
}

/** Compares the frames of one connection in their order. */
export class FrameComparison {
  private readonly ids = new Map<string, Seen>();

  /** Empty when the frames agree, else what does not. */
  difference(theirs: Buffer, ours: Buffer): string {
    const [expected, got] = [Buffer.from(theirs), Buffer.from(ours)];
    const id = hasGroupId(theirs) ? this.idDifference(theirs, ours) : '';
    for (const frame of [expected, got]) clearGroupId(frame);
    return id + (expected.equals(got) ? '' : `expected ${expected.toString('hex')}, got ${got.toString('hex')}`);
  }

  /**
   * Steps of the index are equal as long as number and time stay. Where theirs change, ours do, and both count from the
   * same index; ours also change with a configuration that changes nothing in the group, and count on. A group born again
   * has an id it never had.
   */
  private idDifference(theirFrame: Buffer, ourFrame: Buffer): string {
    const group = readName(theirFrame, SENDER_OFFSET);
    const [theirs, ours] = [idOf(theirFrame), idOf(ourFrame)];
    if (frameService(theirFrame, 0) === Service.TRANSITION) return this.transitionDifference(group, ours);
    const last = this.ids.get(group);
    this.ids.set(group, { ours, theirs });
    if (last === undefined)
      return ours.index === theirs.index ? '' : `first index ${ours.index}, not ${theirs.index}; `;
    if (theirs.epoch !== last.theirs.epoch) {
      if (ours.epoch === last.ours.epoch) return `number and time of ${group} stayed; `;
      return ours.index === theirs.index ? '' : `index ${ours.index} of ${group}, not ${theirs.index}; `;
    }
    if (theirs.index <= last.theirs.index)
      return ours.index > last.ours.index ? '' : `index ${ours.index} of ${group} again; `;
    const expected = last.ours.index + theirs.index - last.theirs.index;
    return ours.index === expected ? '' : `index ${ours.index} of ${group}, not ${expected}; `;
  }

  /** The signal names the view that it ends. */
  private transitionDifference(group: string, ours: GroupId): string {
    const last = this.ids.get(group)?.ours;
    const same = last === undefined || (last.epoch === ours.epoch && last.index === ours.index);
    return same ? '' : `transition of ${group} in index ${ours.index}; `;
  }
}

function hasGroupId(frame: Buffer): boolean {
  const service = frameService(frame, 0);
  return service === Service.TRANSITION || isView(service);
}

function bodyOf(frame: Buffer): number {
  return HEADER_BYTES + NAME_BYTES * frameGroups(frame, 0);
}

function idOf(frame: Buffer): GroupId {
  const at = bodyOf(frame);
  if (frame.length < at + GROUP_ID_BYTES) return { epoch: '', index: -1 };
  return { epoch: frame.toString('hex', at, at + INDEX_OFFSET), index: readU32(frame, at + INDEX_OFFSET) };
}

function clearGroupId(frame: Buffer): void {
  const end = bodyOf(frame) + GROUP_ID_BYTES;
  if (hasGroupId(frame) && end <= frame.length) frame.fill(0, end - GROUP_ID_BYTES, end);
}

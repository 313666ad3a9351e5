// What may differ between the peer's bytes and ours (section 16 of the protocol as measured): number and time of group
// ids; the index of a group that had been empty, since ours never repeats an id. All else must match byte for byte.
import {
  HEADER_BYTES,
  NAME_BYTES,
  SENDER_OFFSET,
  frameGroups,
  frameService,
  readName,
  readU32,
} from '../../core/wire/frame.js';
import { GROUP_ID_BYTES, isView } from '../../core/wire/view.js';

const INDEX_OFFSET = 8;

interface Seen {
  readonly ours: number;
  readonly theirs: number;
}

/** Compares the frames of one connection in their order. */
export class FrameComparison {
  private readonly indexes = new Map<string, Seen>();

  /** Empty when the frames agree, else what does not. */
  difference(theirs: Buffer, ours: Buffer): string {
    const [expected, got] = [Buffer.from(theirs), Buffer.from(ours)];
    const index = isView(frameService(theirs, 0)) ? this.indexDifference(theirs, ours) : '';
    for (const frame of [expected, got]) clearGroupId(frame);
    return index + (expected.equals(got) ? '' : `expected ${expected.toString('hex')}, got ${got.toString('hex')}`);
  }

  /** Steps of the index are equal as long as the group lives; a group born again has an index it never had. */
  private indexDifference(theirFrame: Buffer, ourFrame: Buffer): string {
    const group = readName(theirFrame, SENDER_OFFSET);
    const [theirs, ours] = [indexOf(theirFrame), indexOf(ourFrame)];
    const last = this.indexes.get(group);
    this.indexes.set(group, { ours, theirs });
    if (last === undefined) return ours === theirs ? '' : `first index ${ours}, not ${theirs}; `;
    if (theirs <= last.theirs) return ours > last.ours ? '' : `index ${ours} of ${group} again; `;
    const step = theirs - last.theirs;
    return ours - last.ours === step ? '' : `index ${ours} of ${group}, not ${last.ours + step}; `;
  }
}

function bodyOf(frame: Buffer): number {
  return HEADER_BYTES + NAME_BYTES * frameGroups(frame, 0);
}

function indexOf(frame: Buffer): number {
  return frame.length < bodyOf(frame) + GROUP_ID_BYTES ? -1 : readU32(frame, bodyOf(frame) + INDEX_OFFSET);
}

function clearGroupId(frame: Buffer): void {
  const end = bodyOf(frame) + GROUP_ID_BYTES;
  if (isView(frameService(frame, 0)) && end <= frame.length) frame.fill(0, end - GROUP_ID_BYTES, end);
}

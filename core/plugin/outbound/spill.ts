// The part of an output queue that is in storage: runs of frames are appended, read back in order and forgotten.
// A record is the number of its messages (4 bytes, little-endian) and the frames.
import type { Bytes } from '../../machine/types.js';
import { readU32, writeU32 } from '../../wire/frame.js';
import type { AppendLog } from '../storage.js';
import { copyAll, SPILL_READ_BYTES } from './policy.js';

const COUNT_BYTES = 4;

export interface SpilledRun {
  readonly bytes: Bytes;
  readonly messages: number;
}

export class Spill {
  /** Bytes the storage has not confirmed. */
  unwrittenBytes = 0;
  /** Messages in storage, those being written and read included. */
  messages = 0;
  private next: number;
  private appended = 0;
  private taken = 0;

  /** The log is this session's alone; what an older session left in it is never read. */
  constructor(private readonly log: AppendLog) {
    this.next = log.bounds().next;
  }

  get empty(): boolean {
    return this.appended === this.taken;
  }

  /** Rejects as the log does. The slices are copied. */
  async append(slices: readonly Bytes[], bytes: number, messages: number): Promise<void> {
    const record = Buffer.allocUnsafeSlow(COUNT_BYTES + bytes);
    writeU32(record, 0, messages);
    copyAll(slices, record, COUNT_BYTES);
    this.appended++;
    this.messages += messages;
    this.unwrittenBytes += record.length;
    await this.log.append(record);
    this.unwrittenBytes -= record.length;
  }

  /** The next runs, oldest first; at least one if there is one. They are forgotten by the storage. */
  async take(): Promise<readonly SpilledRun[]> {
    const records = await this.log.read(this.next, SPILL_READ_BYTES);
    const last = records.at(-1);
    if (last === undefined) throw new Error('the storage lost spilled messages');
    this.next = last.number + 1;
    this.taken += records.length;
    const runs = records.map((r) => ({ bytes: r.bytes.subarray(COUNT_BYTES), messages: readU32(r.bytes, 0) }));
    for (const run of runs) this.messages -= run.messages;
    await this.log.trim(last.number);
    return runs;
  }

  /** Forgets everything, the log too. */
  clear(): Promise<void> {
    return this.log.drop();
  }
}

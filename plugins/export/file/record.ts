// One record in a file of format `records`: a line about it, its bytes, a line end. The line lets a reader find the end of
// the bytes without looking at them, and tell a record that is all there from one that was cut off.
//
//   #peal BYTES SUM JSON\n      BYTES: decimal length of the record; JSON: an object in one line, at most 64 KiB, with
//   ...the record's bytes...    "id" and the labels of its batch
//   \n                          SUM: first 16 hexadecimal digits of SHA-256 over "BYTES JSON\n" and the record's bytes
import type { ExportBatch, ExportRecord } from 'peal/plugin';
import { createHash, type Hash } from 'node:crypto';
import { open, type FileHandle } from 'node:fs/promises';

const MARK = '#peal ';
const SUM_DIGITS = 16;
/** Longest first line, bytes. */
const MAX_LINE_BYTES = 65_536;
/** Of labels so many are written, and so many characters of their names, values, and of the id: all fit the line. */
const MAX_LABELS = 20;
const MAX_NAME_LENGTH = 64;
const MAX_VALUE_LENGTH = 256;
/** Read at once, bytes. */
const READ_BYTES = 262_144;
const END = Buffer.from('\n');

/** The parts of that batch, to be written one behind the other. */
export function encodeBatch({ records, labels }: ExportBatch): Uint8Array[] {
  const told = Object.entries(labels)
    .slice(0, MAX_LABELS)
    .map(([name, value]) => [name.slice(0, MAX_NAME_LENGTH), value.slice(0, MAX_VALUE_LENGTH)] as const);
  return records.flatMap((record) => encodeRecord(record, told));
}

function encodeRecord({ id, bytes }: ExportRecord, labels: readonly (readonly [string, string])[]): Uint8Array[] {
  const about = JSON.stringify({ ...Object.fromEntries(labels), id: id.slice(0, MAX_VALUE_LENGTH) });
  const sum = sumOver(bytes.length, about).update(bytes);
  return [Buffer.from(`${MARK}${bytes.length} ${digits(sum)} ${about}\n`), bytes, END];
}

function sumOver(length: number, about: string): Hash {
  return createHash('sha256').update(`${length} ${about}\n`);
}

function digits(sum: Hash): string {
  return sum.digest('hex').slice(0, SUM_DIGITS);
}

/** A record that is all there, and where it ends in the file. */
export interface Whole {
  readonly about: Readonly<Record<string, string>>;
  readonly bytesAt: number;
  readonly length: number;
  readonly end: number;
}

/** The whole records of a file up to the first that is not; the last one's `end` is where a writer goes on. */
export async function* wholeRecords(path: string): AsyncGenerator<Whole> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    for (let at = 0; at < size;) {
      const record = await recordAt(file, at, size);
      if (record === undefined) return;
      yield record;
      at = record.end;
    }
  } finally {
    await file.close();
  }
}

async function recordAt(file: FileHandle, at: number, size: number): Promise<Whole | undefined> {
  const head = Buffer.alloc(Math.min(MAX_LINE_BYTES, size - at));
  const lineBytes = (await readFully(file, head, at)).indexOf(END);
  const line = head.toString('utf8', 0, Math.max(0, lineBytes));
  const found = /^#peal (\d{1,15}) ([0-9a-f]{16}) (\{.*\})$/.exec(line);
  if (found === null) return undefined;
  const [, length = '', sum = '', about = ''] = found;
  const bytesAt = at + lineBytes + 1;
  const end = bytesAt + Number(length) + 1;
  if (end > size || !(await matches(file, bytesAt, Number(length), sum, about))) return undefined;
  return { about: JSON.parse(about) as Record<string, string>, bytesAt, length: Number(length), end };
}

async function matches(file: FileHandle, at: number, length: number, sum: string, about: string): Promise<boolean> {
  const found = sumOver(length, about);
  const block = Buffer.alloc(Math.min(READ_BYTES, length + END.length));
  for (let left = length + END.length; left > 0;) {
    const part = await readFully(
      file,
      block.subarray(0, Math.min(left, block.length)),
      at + length + END.length - left,
    );
    left -= part.length;
    if (part.length === 0) return false;
    if (left > 0) found.update(part);
    else if (part.at(-1) !== END[0]) return false;
    else found.update(part.subarray(0, -1));
  }
  return digits(found) === sum;
}

/** What the file has there, up to the length of the buffer. */
async function readFully(file: FileHandle, buffer: Buffer, at: number): Promise<Buffer> {
  let got = 0;
  while (got < buffer.length) {
    const { bytesRead } = await file.read(buffer, got, buffer.length - got, at + got);
    if (bytesRead === 0) break;
    got += bytesRead;
  }
  return buffer.subarray(0, got);
}

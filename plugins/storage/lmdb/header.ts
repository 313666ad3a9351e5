// A look at a tree's file before the library maps it: the library ends the process over a file that is none, or over one
// that was cut off. The two first pages each describe one state of the tree; the one with the higher transaction holds.
//
//   offset in page  size  field
//   24              u32   0xBEEFC0DE
//   28              u32   version of the format, 2
//   48              u32   size of a page
//   88              u64   root page of the free list, all ones: none
//   136             u64   root page of the tree, all ones: none
//   144             u64   last page in use
//   152             u64   transaction
import { closeSync, fstatSync, ftruncateSync, openSync, readSync } from 'node:fs';

const MAGIC = 0xbeefc0de;
const FORMAT_VERSION = 2;
const HEADER_BYTES = 160;
const NO_PAGE = 0xffff_ffff_ffff_ffffn;
const LARGEST_PAGE_BYTES = 65_536;

interface State {
  readonly pageBytes: number;
  readonly roots: readonly bigint[];
  readonly lastPage: bigint;
  readonly transaction: bigint;
}

/**
 * Throws when the file cannot be a tree, with a reason in words. One that ends before its last page is made longer: it may
 * end in pages that were taken and given back before they were ever written, or it was cut, which reads will then tell.
 * Answers by how many bytes it was made longer. No file and an empty file are fine.
 */
export function examine(file: string): number {
  let descriptor: number;
  try {
    descriptor = openSync(file, 'r+');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0;
    throw error;
  }
  try {
    const { size } = fstatSync(descriptor);
    if (size === 0) return 0;
    const first = stateAt(descriptor, 0);
    const second = stateAt(descriptor, first.pageBytes);
    const state = second.transaction > first.transaction ? second : first;
    for (const root of state.roots)
      if (root !== NO_PAGE && (root + 1n) * BigInt(state.pageBytes) > size) throw new Error('the file was cut off');
    const whole = Number(state.lastPage + 1n) * state.pageBytes;
    if (whole <= size) return 0;
    ftruncateSync(descriptor, whole);
    return whole - size;
  } finally {
    closeSync(descriptor);
  }
}

function stateAt(descriptor: number, offset: number): State {
  const page = Buffer.alloc(HEADER_BYTES);
  const got = readSync(descriptor, page, 0, HEADER_BYTES, offset);
  const pageBytes = page.readUInt32LE(48);
  const sane = pageBytes >= 512 && pageBytes <= LARGEST_PAGE_BYTES && (pageBytes & (pageBytes - 1)) === 0;
  if (got < HEADER_BYTES || page.readUInt32LE(24) !== MAGIC || !sane) throw new Error('its file is no LMDB file');
  const version = page.readUInt32LE(28);
  if (version !== FORMAT_VERSION) throw new Error(`its file has version ${version} of the format`);
  return {
    pageBytes,
    roots: [page.readBigUInt64LE(88), page.readBigUInt64LE(136)],
    lastPage: page.readBigUInt64LE(144),
    transaction: page.readBigUInt64LE(152),
  };
}

// The file that is appended to: opened at the end of what is whole in it, written, flushed, put aside when it is large or
// old enough. It knows at every moment up to where the file holds whole batches; whatever goes wrong, it is cut back there.
import { createReadStream, createWriteStream, type Stats } from 'node:fs';
import { type FileHandle, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { wholeRecords } from './record.js';

export interface OutputOptions {
  readonly path: string;
  /** Can the end of what is whole be found in it? */
  readonly recorded: boolean;
  /** Put aside before it would become larger, bytes; 0: never. */
  readonly rotateBytes: number;
  /** Put aside when its first record is that old, milliseconds; 0: never. */
  readonly rotateAfterMs: number;
  /** Files put aside that are kept; 0: all. */
  readonly keepFiles: number;
  /** Milliseconds since 1970. */
  readonly wallMs: () => number;
  /** Something was cut off the end of the file and kept in another. */
  readonly onTorn: (bytes: number, kept: string) => void;
}

/** How files that were put aside are named behind the name of the file: the time in UTC, and a number if it was there. */
const ASIDE = /^\.\d{8}T\d{9}Z(-\d+)?$/;
const LARGEST_SUFFIX = 10_000;

export class Output {
  size = 0;
  rotated = 0;
  private file: FileHandle | undefined;
  private bornMs = 0;

  constructor(private readonly o: OutputOptions) {}

  /** Opens the file if it is not open. What is behind the last whole record is moved to a file of its own. */
  async open(): Promise<void> {
    if (this.file !== undefined) return;
    const { path } = this.o;
    // Looked at first: to open a pipe would wait for its reader.
    if ((await statIfThere(path))?.isFile() === false) throw new Error(`${path} is no plain file`);
    const file = await open(path, 'a');
    try {
      const { size, birthtimeMs, mtimeMs } = await file.stat();
      this.bornMs = size === 0 ? this.o.wallMs() : birthtimeMs || mtimeMs;
      this.size = size;
      if (this.o.recorded) await this.cutTorn(file, size);
      await syncFolder(path);
    } catch (error) {
      await file.close();
      throw error;
    }
    this.file = file;
  }

  /**
   * Appends all of it and, if wanted, waits until it is on disk; or rejects and leaves the file as it was, as far as that
   * can be done.
   */
  async append(parts: readonly Uint8Array[], flush: boolean): Promise<void> {
    const bytes = parts.reduce((sum, part) => sum + part.length, 0);
    await this.open();
    if (this.due(bytes)) await this.rotate();
    if (this.size === 0) this.bornMs = this.o.wallMs();
    const file = this.file!;
    try {
      let left = parts.filter((part) => part.length > 0);
      while (left.length > 0) left = behind(left, (await file.writev(left)).bytesWritten);
      if (flush) await file.datasync();
    } catch (error) {
      // Closed, so that it is looked at anew before the next.
      await file.truncate(this.size).catch(() => undefined);
      await this.close().catch(() => undefined);
      throw error;
    }
    this.size += bytes;
  }

  /** What was appended is on disk; what was put aside is so already. */
  async flush(): Promise<void> {
    await this.file?.datasync();
  }

  async close(): Promise<void> {
    const { file } = this;
    this.file = undefined;
    await file?.close();
  }

  private due(bytes: number): boolean {
    const { rotateBytes, rotateAfterMs, wallMs } = this.o;
    if (this.size === 0) return false;
    const old = rotateAfterMs > 0 && wallMs() - this.bornMs >= rotateAfterMs;
    return old || (rotateBytes > 0 && this.size + bytes > rotateBytes);
  }

  private async rotate(): Promise<void> {
    const { path, wallMs } = this.o;
    await this.flush();
    await this.close();
    await rename(path, await unused(`${path}.${stampOf(wallMs())}`));
    this.rotated++;
    await this.open();
    await this.removeOld();
  }

  private async removeOld(): Promise<void> {
    const { path, keepFiles } = this.o;
    if (keepFiles === 0) return;
    const name = basename(path);
    const aside = (await readdir(dirname(path)))
      .filter((file) => file.startsWith(name) && ASIDE.test(file.slice(name.length)))
      .sort();
    for (const file of aside.slice(0, -keepFiles)) await rm(join(dirname(path), file));
  }

  private async cutTorn(file: FileHandle, size: number): Promise<void> {
    const { path } = this.o;
    let end = 0;
    for await (const record of wholeRecords(path)) end = record.end;
    this.size = end;
    if (end === size) return;
    const kept = await unused(`${path}.torn`);
    await pipeline(createReadStream(path, { start: end }), createWriteStream(kept, { flags: 'wx', flush: true }));
    await file.truncate(end);
    await file.datasync();
    this.o.onTorn(size - end, kept);
  }
}

async function unused(path: string): Promise<string> {
  for (let i = 1; i <= LARGEST_SUFFIX; i++) {
    const candidate = i === 1 ? path : `${path}-${i}`;
    if ((await statIfThere(candidate)) === undefined) return candidate;
  }
  throw new Error(`every name like ${path} is taken`);
}

/** What is left of the parts when that many bytes are written. */
function behind(parts: readonly Uint8Array[], written: number): Uint8Array[] {
  let skip = written;
  return parts.flatMap((part) => {
    const gone = Math.min(skip, part.length);
    skip -= gone;
    return gone === part.length ? [] : [part.subarray(gone)];
  });
}

/** 20261121T051500123Z */
function stampOf(ms: number): string {
  return new Date(ms).toISOString().replace(/[-:.]/g, '');
}

async function statIfThere(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** A new name is safe when its folder is. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(dirname(path), 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

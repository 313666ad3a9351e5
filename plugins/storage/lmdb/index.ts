// storage.lmdb: records and logs on disk, in one LMDB file per daemon. What was promised is there after a crash of the
// daemon or the machine (core/plugin/storage.ts). Wiring: options, the folder, the accounts of all spaces.
import {
  checkedKey,
  DaemonInfo,
  definePlugin,
  errorTable,
  Logger,
  PealError,
  reasonOf,
  Space,
  STORAGE_ERRORS,
  type Storage,
  type Store,
} from 'peal/plugin';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Database } from './database.js';
import { examine } from './header.js';
import { tryRoom } from './room.js';
import { LAYOUT_VERSION, spaceOfUsage, USAGE_KEYS, usageKey, VERSION_KEY } from './keys.js';
import { LmdbStore } from './store.js';

const MIB = 1_048_576;
const FOLDER_MODE = 0o700;
/** The name that the library gives the file. */
const DATA_FILE = 'data.mdb';

export const ERRORS = errorTable('STORAGE_LMDB', {
  OPEN: [
    'the storage in {folder} cannot be opened: {detail}',
    'make the folder writable, set another path, or move what is in it away',
  ],
  LAYOUT: [
    'the storage in {folder} has layout {found}, this daemon reads {known}',
    'use the daemon that wrote it, or set another path',
  ],
});

export default definePlugin({
  kind: 'storage',
  name: 'lmdb',
  api: '^1',
  doc: 'Keeps records on disk, through crashes of the daemon and the machine.',
  errors: ERRORS,
  options: {
    path: { type: 'path', doc: 'Folder; the daemon makes one of its name in it. Default: in the folder of its state.' },
    limit_bytes: {
      type: 'bytes',
      default: 1024 * MIB,
      min: 4096,
      doc: 'Most that all spaces together may hold; a record counts its key, its value and 512 bytes.',
    },
  },
  create(scope): Storage {
    const { path, limitBytes } = scope.options;
    const info = scope.get(DaemonInfo);
    const folder = path === undefined ? join(info.stateDir, scope.section) : join(path, info.name);
    return new LmdbStorage(folder, limitBytes, scope.get(Logger));
  },
});

class LmdbStorage implements Storage {
  private readonly whole: Space;
  private readonly stores = new Map<string, LmdbStore>();
  private db: Database | undefined;
  private stopped = false;

  constructor(
    private readonly folder: string,
    limitBytes: number,
    private readonly log: Logger,
  ) {
    this.whole = new Space('all spaces', limitBytes);
  }

  async start(): Promise<void> {
    const { folder } = this;
    try {
      mkdirSync(folder, { recursive: true, mode: FOLDER_MODE });
      const added = examine(join(folder, DATA_FILE));
      if (added > 0) this.log.warn('the file ended before its last page', { folder, added_bytes: added });
      tryRoom(folder);
      const db = await Database.open(folder, () => this.lost());
      this.db = db;
      await this.checkLayout(db);
      this.account(db);
    } catch (cause) {
      if (cause instanceof PealError) throw cause;
      throw PealError.of(ERRORS.OPEN, { folder, detail: reasonOf(cause) }, { cause });
    }
  }

  async stop(): Promise<void> {
    const { db } = this;
    this.stopped = true;
    this.db = undefined;
    await db?.close();
  }

  space(name: string, limitBytes = this.whole.limitBytes): Store {
    if (this.stopped) throw PealError.of(STORAGE_ERRORS.CLOSED, { space: name });
    let store = this.stores.get(name);
    if (store === undefined) {
      store = new LmdbStore(new Space(checkedKey(name), limitBytes, this.whole), () => this.db);
      this.stores.set(name, store);
      if (this.db !== undefined) store.space.usedBytes = usedIn(this.db, name);
    }
    return store;
  }

  describe(): Readonly<Record<string, string | number>> {
    const { usedBytes, limitBytes } = this.whole;
    const commits = this.db?.commits ?? 0;
    return { folder: this.folder, used_bytes: usedBytes, limit_bytes: limitBytes, spaces: this.stores.size, commits };
  }

  private async checkLayout(db: Database): Promise<void> {
    const found = db.get(VERSION_KEY);
    if (found === undefined) {
      await db.write([{ key: VERSION_KEY, value: Buffer.from(String(LAYOUT_VERSION)) }]);
    } else if (textOf(found) !== String(LAYOUT_VERSION)) {
      const values = { folder: this.folder, found: textOf(found), known: LAYOUT_VERSION };
      throw PealError.of(ERRORS.LAYOUT, values);
    }
  }

  /** Takes the accounts of all spaces from the tree, those of plugins that are configured no more too. */
  private account(db: Database): void {
    this.whole.usedBytes = 0;
    for (const { key } of db.range(USAGE_KEYS)) this.whole.usedBytes += usedIn(db, spaceOfUsage(key));
    for (const [name, { space }] of this.stores) space.usedBytes = usedIn(db, name);
  }

  private lost(): void {
    this.log.error('a commit failed, what was to be written is lost', { folder: this.folder });
    if (this.db !== undefined) this.account(this.db);
    for (const store of this.stores.values()) store.forget();
  }
}

function usedIn(db: Database, space: string): number {
  return Number(textOf(db.get(usageKey(space)) ?? Buffer.from('0')));
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1');
}

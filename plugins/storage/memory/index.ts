// storage.memory: records and logs in memory, with a limit. The reference of the storage kind (core/plugin/storage.ts):
// what it keeps lives as long as the daemon. Wiring only; the store itself is store.ts.
import { checkedKey, definePlugin, Space, type Storage, type Store } from 'peal/plugin';
import { MemoryStore } from './store.js';

const MIB = 1_048_576;

export default definePlugin({
  kind: 'storage',
  name: 'memory',
  api: '^1',
  doc: 'Keeps records in memory, as long as the daemon lives.',
  options: {
    limit_bytes: {
      type: 'bytes',
      default: 64 * MIB,
      min: 4096,
      doc: 'Most that all spaces together may hold; a record counts its key, its value and 512 bytes.',
    },
  },
  create(scope): Storage {
    const whole = new Space('all spaces', scope.options.limitBytes);
    const stores = new Map<string, MemoryStore>();
    return {
      start: () => Promise.resolve(),
      stop: () => {
        for (const store of stores.values()) store.close();
        stores.clear();
        whole.close();
        return Promise.resolve();
      },
      space: (name, limitBytes): Store => {
        whole.assertOpen();
        let store = stores.get(name);
        if (store === undefined) {
          store = new MemoryStore(new Space(checkedKey(name), limitBytes ?? scope.options.limitBytes, whole));
          stores.set(name, store);
        }
        return store;
      },
      describe: () => ({ used_bytes: whole.usedBytes, limit_bytes: whole.limitBytes, spaces: stores.size }),
    };
  },
});

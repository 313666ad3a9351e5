// service.flood against the compliance suite of its kind: it opens no sessions, so that nothing of theirs concerns it.
import { afterAll, describe, expect, test } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bind, buildPlugin, serviceCompliance } from 'peal/compliance';
import { DaemonInfo, EventLoop, Exporter, type Service, type Storage, Store } from 'peal/plugin';
import { NodeLoop } from '../../../../core/runtime/loop.js';
import { infoOf } from '../../../../test/compliance/bench.js';
import { freePorts } from '../../../../test/e2e/processes.js';
import storageMemory from '../../../storage/memory/index.js';
import plugin from '../index.js';

const folder = mkdtempSync(join(tmpdir(), 'peal-flood-'));
let loop: NodeLoop;
afterAll(() => rmSync(folder, { recursive: true, force: true }));

serviceCompliance(
  { describe, test, expect },
  {
    name: 'flood',
    groups: ['mirror'],
    create: async (ports) => {
      const failures: unknown[] = [];
      loop = new NodeLoop((_, error) => failures.push(error));
      loop.start();
      const storage = buildPlugin<Storage>({ plugin: storageMemory }).instance;
      await storage.start?.();
      const [dataPort] = await freePorts(1);
      return buildPlugin<Service>({
        plugin,
        options: { site: 'a', listen_address: '127.0.0.1' },
        inner: {
          'site.a': { hostname: 'localhost', client_port: '2000', data_port: String(dataPort) },
          'group.g': { sites: 'a' },
        },
        ports: [
          bind(EventLoop, loop),
          bind<Store>(Store, storage.space('flood')),
          bind<Exporter | undefined>(Exporter, undefined),
          bind(DaemonInfo, infoOf([{ name: 'a', host: '127.0.0.1', port: 1, place: 0 }], folder)),
          ...ports,
        ],
      }).instance;
    },
    destroy: () => {
      loop.stop();
      return Promise.resolve();
    },
  },
);

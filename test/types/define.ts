// Type test: definePlugin infers what the factory gets from the options table. Compiled by tsc, never run.
import {
  Clock,
  definePlugin,
  type HostPort,
  inject,
  injectable,
  Logger,
  Options,
  Store,
  type Medium,
} from 'peal/plugin';

declare function use(...values: readonly unknown[]): void;

export const storage = definePlugin({
  kind: 'storage',
  name: 'typed',
  api: '^1',
  doc: 'A plugin for the type checker.',
  options: {
    limit_bytes: { type: 'bytes', default: 1024, doc: 'A.' },
    mode: { type: 'enum', values: ['fast', 'safe'], default: 'fast', doc: 'B.' },
    path: { type: 'path', doc: 'C.' },
    listen: { type: 'address', required: true, doc: 'D.' },
    names: { type: 'list', default: [], doc: 'E.' },
  },
  create(scope) {
    const o = scope.options;
    const limit: number = o.limitBytes;
    const mode: 'fast' | 'safe' = o.mode;
    const listen: HostPort = o.listen;
    const names: readonly string[] = o.names;
    // @ts-expect-error the path may be absent
    const path: string = o.path;
    // @ts-expect-error keys are camelCase in code
    use(o.limit_bytes);
    scope.get(Clock).nowMs();
    use(limit, mode, listen, names, path);
    return { space: () => scope.get(Store) };
  },
});

@injectable()
class Api {
  constructor(
    @inject(Options) readonly options: { port: number },
    @inject(Logger) readonly log: Logger,
  ) {}
  start(): Promise<void> {
    return Promise.resolve();
  }
  stop(): Promise<void> {
    return Promise.resolve();
  }
  addresses(): readonly string[] {
    return [];
  }
}

export const client = definePlugin({
  kind: 'client',
  name: 'typed',
  api: '^1',
  doc: 'A class.',
  options: { port: { type: 'port', default: 1, doc: 'A.' } },
  class: Api,
});

declare const medium: Medium;
export const link = definePlugin({
  kind: 'link',
  seam: 'medium',
  name: 'typed',
  api: '^1',
  doc: 'A medium.',
  options: {},
  create: () => medium,
});

export const wrong = definePlugin({
  kind: 'client',
  name: 'typed',
  api: '^1',
  doc: 'Not a client API.',
  options: {},
  // @ts-expect-error a client API has start, stop and addresses
  create: () => ({}),
});

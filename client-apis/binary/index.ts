// The plugin [client.binary]: Spread's client protocol, for unmodified clients (README.md, docs/clients.md).
import { Clock, definePlugin, EventLoop, Logger, Sessions, Store } from 'peal/plugin';
import { BinaryApi } from './api.js';
import { BINARY_ERRORS } from './errors.js';
import { OPTIONS } from './options.js';

export default definePlugin({
  kind: 'client',
  name: 'binary',
  api: '^1',
  doc: 'The protocol of the Spread toolkit, by TCP and Unix socket, for unmodified clients.',
  options: OPTIONS,
  errors: BINARY_ERRORS,
  requires: [{ kind: 'storage', optional: true }],
  create: (scope) =>
    new BinaryApi(
      {
        section: scope.section,
        sessions: scope.get(Sessions),
        loop: scope.get(EventLoop),
        log: scope.get(Logger),
        clock: scope.get(Clock),
        store: scope.find(Store),
      },
      scope.options,
    ),
});

// The plugin [client.line]: lines of text, for people, scripts and floodd's clients (README.md, docs/design/line.md).
import { Companion, definePlugin, EventLoop, Logger, Sessions } from 'peal/plugin';
import { LineApi } from './api.js';
import { LINE_ERRORS } from './errors.js';
import { OPTIONS } from './options.js';

export default definePlugin({
  kind: 'client',
  name: 'line',
  api: '^1',
  doc: 'Lines of text for telnet, nc and scripts: ordered groups, and the commands of a service.',
  options: OPTIONS,
  errors: LINE_ERRORS,
  requires: [{ kind: 'service', optional: true }],
  create: (scope) =>
    new LineApi(
      {
        section: scope.section,
        sessions: scope.get(Sessions),
        loop: scope.get(EventLoop),
        log: scope.get(Logger),
        service: scope.find(Companion),
      },
      scope.options,
    ),
});

// [link.tcp]: a medium under the core's mesh. What it promises: core/plugin/medium.ts; how: README.md.
import { DaemonInfo, definePlugin, Timers } from 'peal/plugin';
import { TCP_ERRORS } from './errors.js';
import { TcpMedium } from './medium.js';
import { options } from './options.js';

export default definePlugin({
  kind: 'link',
  seam: 'medium',
  name: 'tcp',
  api: '^1',
  doc: 'Connects all daemons with one another over TCP; a killed process is noticed at once.',
  options,
  errors: TCP_ERRORS,
  create: (scope) => new TcpMedium(scope.options, scope.get(DaemonInfo).list, scope.get(Timers)),
});

// [link.udp]: a medium of datagrams, under the ring or the core's mesh. What it promises: core/plugin/medium.ts; how: README.md.
import { DaemonInfo, definePlugin, Timers } from 'peal/plugin';
import { UDP_ERRORS } from './errors.js';
import { UdpMedium } from './medium.js';
import { options } from './options.js';

export default definePlugin({
  kind: 'link',
  seam: 'medium',
  name: 'udp',
  api: '^1',
  doc: 'Carries datagrams between daemons over UDP, to all by IP multicast where that is set.',
  options,
  errors: UDP_ERRORS,
  create: (scope) => new UdpMedium(scope.options, scope.get(DaemonInfo).list, scope.get(Timers)),
});

// [link.ring]: a link that orders, by a circulating token. What it promises: core/machine/types.ts; how: README.md.
import { DaemonInfo, definePlugin, PealError } from 'peal/plugin';
import { RING_ERRORS } from './errors.js';
import { MAX_MEMBERS } from './limits.js';
import { createRing } from './machine.js';
import { options } from './options.js';

export default definePlugin({
  kind: 'link',
  seam: 'link',
  name: 'ring',
  api: '^1',
  doc: 'Orders by a circulating token over datagrams: one multicast reaches all, load hardly costs latency.',
  options,
  errors: RING_ERRORS,
  create: (scope) => {
    const count = scope.get(DaemonInfo).list.length;
    if (count > MAX_MEMBERS) throw PealError.of(RING_ERRORS.TOO_MANY, { count, limit: MAX_MEMBERS });
    return createRing(scope.options);
  },
});

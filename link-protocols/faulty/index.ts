// [link.faulty]: another medium, made worse on purpose, so that an operator can reproduce trouble in a live daemon.
import { Clock, DaemonInfo, definePlugin, Random, Timers, Wrapped } from 'peal/plugin';
import { FAULTY_ERRORS } from './errors.js';
import { FaultyMedium } from './medium.js';
import { options } from './options.js';
import { changed, NO_FAULTS } from './rule.js';

export default definePlugin({
  kind: 'link',
  seam: 'medium',
  name: 'faulty',
  api: '^1',
  doc: 'Wraps another medium and loses, delays, doubles, reorders or cuts what it carries.',
  options,
  errors: FAULTY_ERRORS,
  create: (scope) => {
    // A drawn seed is never 0, which stands for "draw one".
    const seed = scope.options.seed === 0 ? scope.get(Random).u32() || 1 : scope.options.seed;
    const ports = { timers: scope.get(Timers), clock: scope.get(Clock) };
    const rule = changed(NO_FAULTS, scope.options);
    return new FaultyMedium(scope.get(Wrapped), rule, seed, scope.get(DaemonInfo).list, ports);
  },
});

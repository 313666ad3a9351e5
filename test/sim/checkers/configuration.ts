// Guarantee 5: whoever delivers a message does so in the same regular configuration, or in a transitional one that
// follows it. Needs the `install` events of the daemons; sessions of daemons without them are not judged.
import type { Step } from '../ledger.js';
import { OnlineChecker } from './checker.js';

export class SameConfiguration extends OnlineChecker {
  step({ e, life, message }: Step): void {
    if (e.event !== 'deliver' || life?.config === undefined) return;
    const first = message?.config;
    if (first !== undefined && first !== life.config)
      this.court.report(
        '5 same configuration',
        `message ${e.id} is delivered in ${first} and, by session ${e.session} at ${life.key}, in ${life.config}`,
      );
  }
}

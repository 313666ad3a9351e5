// Guarantee 5: whoever delivers a message does so in the same regular configuration, or in a transitional one that
// follows it. Needs the `install` events of the daemons; sessions of daemons without them are not judged.
import type { Step } from '../ledger.js';
import { OnlineChecker } from './checker.js';

export class SameConfiguration extends OnlineChecker {
  private readonly where = new Map<number, string>();

  step({ e, life }: Step): void {
    if (e.event !== 'deliver' || life?.config === undefined) return;
    const first = this.where.get(e.id);
    if (first === undefined) this.where.set(e.id, life.config);
    else if (first !== life.config)
      this.court.report(
        '5 same configuration',
        `message ${e.id} is delivered in ${first} and, by session ${e.session} at ${life.key}, in ${life.config}`,
      );
  }
}

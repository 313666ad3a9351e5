// What the machine notices, as lines of the log: what an operator must see loudly, what explains a change of the group
// plainly, the rest for debugging.
import type { Logger } from 'peal/plugin';
import type { FloodEvent } from './machine/types.js';

export class EventLog {
  constructor(private readonly log: Logger) {}

  note(e: FloodEvent): void {
    const { log } = this;
    const { kind, ...facts } = e;
    const fields = Object.fromEntries(Object.entries(facts).filter(([, value]) => typeof value !== 'object'));
    switch (kind) {
      case 'name-clash':
        log.error('two daemons claim to be one site', fields);
        break;
      case 'inconsistent':
        log.warn('this site and a peer differ', { ...fields, ranges: e.ranges.length });
        break;
      case 'dropped':
        log.warn('the data storage is full, updates were dropped', fields);
        break;
      case 'refused':
        log.warn(e.byUs ? 'a site was refused' : 'a site refused us', fields);
        break;
      case 'protocol-error':
        log.warn('what a site sent is against the protocol', fields);
        break;
      case 'generator':
        log.warn('the topology could not be computed', fields);
        break;
      case 'reborn':
        log.warn('this site is known with a larger incarnation, a larger one still is taken', fields);
        break;
      case 'site':
        log.info(`site ${e.site} is ${e.state}`, { why: e.why });
        break;
      case 'left':
      case 'purged':
      case 'members':
      case 'topology':
        log.info(TEXTS[kind], fields);
        break;
    }
  }
}

const TEXTS = {
  left: 'a site has left',
  purged: 'a site was not heard for long and is forgotten',
  members: 'the members of a group changed',
  topology: 'the topology of a group changed',
} as const;

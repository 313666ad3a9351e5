// Membership frames as a client reads them, and their form for old clients.
import { readEvents } from '../../../core/wire/event.js';
import { selfLeaveFrame, transitionFrame, viewFrame } from '../../../core/machine/groups/notice.js';
import { buildFrame, HEADER_BYTES, NAME_BYTES, Service, writeName } from '../../../core/wire/frame.js';
import { oldViews } from '../../../core/wire/view.js';
import type { Random } from '../../sim/random.js';
import type { Target } from '../target.js';

function field(name: string): Uint8Array {
  const b = new Uint8Array(NAME_BYTES);
  writeName(b, 0, name);
  return b;
}

function valid(r: Random): Uint8Array {
  const id = { number: r.next(), time: r.next(), index: r.next() };
  const members = Array.from({ length: 1 + r.below(6) }, (_, i) => field(`#m${i}#alpha`));
  const all = Uint8Array.from(Buffer.concat(members));
  const frames = Array.from({ length: 1 + r.below(3) }, () => {
    switch (r.below(4)) {
      case 0:
        return viewFrame(Service.CAUSED_BY_NETWORK, field('g'), all, id, { sets: [[all]], own: 0 });
      case 1:
        return transitionFrame(field('g'), id);
      case 2:
        return selfLeaveFrame(field('g'));
      default:
        return buildFrame({
          service: Service.AGREED,
          sender: '#m#alpha',
          groups: ['g'],
          body: new Uint8Array(r.below(50)),
        });
    }
  });
  return Uint8Array.from(Buffer.concat(frames));
}

function feed(input: Uint8Array): boolean {
  const events = readEvents(new Uint8Array(input));
  if (events === undefined) return input.length >= HEADER_BYTES;
  // Only whole frames are handed to a writer of old views.
  oldViews(input);
  return true;
}

export default { name: 'views', front: HEADER_BYTES, valid, feed } satisfies Target;

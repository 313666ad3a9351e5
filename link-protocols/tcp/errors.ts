// What the tcp medium can refuse to the operator.
import { errorTable } from 'peal/plugin';

export const TCP_ERRORS = errorTable('LINK_TCP', {
  LISTEN: [
    'cannot listen on {address}: {detail}',
    'give this daemon a free link_port and an address of this machine in its peer section',
  ],
});

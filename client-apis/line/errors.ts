// What can keep [client.line] from starting (docs/errors.md).
import { errorTable } from 'peal/plugin';

export const LINE_ERRORS = errorTable('CLIENT_LINE', {
  LISTEN: ['cannot listen on {address}: {detail}', 'free the address, or set port and host of [{section}]'],
});

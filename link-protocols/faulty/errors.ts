// What the faulty medium can refuse to the operator.
import { errorTable } from 'peal/plugin';

export const FAULTY_ERRORS = errorTable('LINK_FAULTY', {
  NO_SUCH_DAEMON: ["no daemon '{name}' is in the list", 'take one of: {known}'],
});

// What sessions of [client.memory] throw (docs/errors.md).
import { errorTable } from 'peal/plugin';

export const MEMORY_ERRORS = errorTable('CLIENT_MEMORY', {
  REFUSED: ["the session '{name}' was refused: {why}", 'take another name, or raise max_sessions of [daemon]'],
  STOPPED: ['the daemon does not run', 'connect after its start and before its stop'],
  CLOSED: ['the session is over', 'connect again'],
  ILLEGAL_GROUP: ["'{detail}' is no legal name here", "groups have 1 to 31 characters from '$' to '~'"],
  GROUPS: ['{detail} are not possible', 'give 1 to 100'],
  TOO_LONG: ['a message of {detail} is too long', 'send less at once, or raise max_message_bytes of [daemon]'],
});

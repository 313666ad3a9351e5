// The errors of [export.group].
import { errorTable } from 'peal/plugin';

export const GROUP_ERRORS = errorTable('EXPORT_GROUP', {
  NAME: ["'{group}' is not a name of a group", "use 1 to 31 characters from '$' to '~'"],
  REFUSED: ["the session '{name}' was refused: {reason}", 'choose another session_name'],
});

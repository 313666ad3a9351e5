// The errors of [export.file].
import { errorTable } from 'peal/plugin';

export const FILE_ERRORS = errorTable('EXPORT_FILE', {
  OPEN: ['the file {path} cannot be appended to: {detail}', 'make it writable, or set another path'],
});

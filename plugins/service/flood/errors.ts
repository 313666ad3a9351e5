// The coded errors of [service.flood]: its configuration, and what can go wrong at its start.
import { errorTable } from 'peal/plugin';
import { CONFIG_ROWS } from './config/errors.js';

export const FLOOD_ERRORS = errorTable('SERVICE_FLOOD', {
  ...CONFIG_ROWS,
  LISTEN: [
    "the data port of site '{site}', {address}, cannot be had: {detail}",
    'free it, or give the site another data port or listen_address',
  ],
  RESTORE: [
    'what an earlier life of this site left in its storage cannot be read: {detail}',
    'mend the storage, or choose another one',
  ],
});

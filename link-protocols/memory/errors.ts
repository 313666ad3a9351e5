// What the memory medium can refuse to the operator.
import { errorTable } from 'peal/plugin';

export const MEMORY_ERRORS = errorTable('LINK_MEMORY', {
  IN_USE: ["'{name}' is open in hub '{hub}' already", 'open each daemon of a hub once, or give them different hubs'],
});

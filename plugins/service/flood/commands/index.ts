// The face of a flooding site on the text port: floodd's commands, greeting and page, over nothing but `FloodService`.
import type { CommandFace } from 'peal/plugin';
import type { FloodService } from '../service.js';
import { controlCommands } from './control.js';
import { floodCommands } from './flood.js';
import { showCommands, showPage } from './show.js';

/** Where the text port listens for a site without an address of its own. */
const DEFAULT_HOST = '127.0.0.1';

/** `version` is shown in the greeting. */
export function floodFace(flood: FloodService, version: string): CommandFace {
  return {
    title: 'Flooding',
    commands: [...floodCommands(flood), ...showCommands(flood), ...controlCommands(flood)],
    greeting: () => `${flood.site.hostname} floodd/${version} site ${flood.site.name} ready`,
    page: () => showPage(flood),
    address: () => ({ host: flood.site.inetAddress ?? DEFAULT_HOST, port: flood.site.clientPort }),
  };
}

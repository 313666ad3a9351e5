// The face of a flooding site on the text port: floodd's commands, greeting and page, over nothing but `FloodService`.
import type { CommandFace } from 'peal/plugin';
import type { FloodService } from '../service.js';
import { controlCommands } from './control.js';
import { floodCommands } from './flood.js';
import { showCommands, showPage } from './show.js';

export interface FaceOptions {
  /** Shown in the greeting. */
  readonly version: string;
  /** Where the site listens; undefined: on all addresses of the machine, as sites elsewhere and their clients need it. */
  readonly listenAddress: string | undefined;
}

export function floodFace(flood: FloodService, { version, listenAddress }: FaceOptions): CommandFace {
  return {
    title: 'Flooding',
    commands: [...floodCommands(flood), ...showCommands(flood), ...controlCommands(flood)],
    greeting: () => `${flood.site.hostname} floodd/${version} site ${flood.site.name} ready`,
    page: () => showPage(flood),
    address: () => ({ host: listenAddress ?? '', port: flood.site.clientPort }),
  };
}

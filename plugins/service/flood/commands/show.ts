// What a site shows of itself: groups, group, topology, nearest, statistics, have, missing (docs/floodd.md). Fields are those of the floodd
// notes, 4.3; the page for browsers is made of the same lines. Pure.
import type { PageSection, Reply, TextCommand } from 'peal/plugin';
import type { FloodService, FloodStatistics } from '../service.js';
import { Code, measured, nameField, noGroup, whole } from './text.js';

function groups(flood: FloodService): Reply {
  const lines = flood
    .groups()
    .map((g) => [nameField(g.name), g.members, nameField(g.masterSite), g.epoch, g.topologyNumber].join(' '));
  return { code: Code.GROUPS, lines, text: `${lines.length} groups` };
}

function group(flood: FloodService, name: string): Reply {
  const members = flood.members(name);
  if (members === undefined) return noGroup(name);
  const lines = members.map(({ site, state, heardSecondsAgo, master }) =>
    [
      nameField(site.name),
      nameField(site.hostname),
      site.clientPort,
      site.dataPort,
      state,
      whole(heardSecondsAgo),
      ...(master ? ['master'] : []),
    ].join(' '),
  );
  return { code: Code.GROUP, lines, text: `${lines.length} members` };
}

function topology(flood: FloodService, name: string): Reply {
  const found = flood.topology(name);
  if (found === undefined) return noGroup(name);
  const lines = found.edges.map((edge) =>
    [nameField(edge.a), nameField(edge.b), measured(edge.cost), measured(edge.rttMs), whole(edge.bytesPerSecond)].join(
      ' ',
    ),
  );
  const { epoch, number, diameter, generator } = found;
  const text = `epoch ${epoch} number ${number} edges ${lines.length} diameter ${diameter} generator ${generator}`;
  return { code: Code.TOPOLOGY, lines, text };
}

function nearest(flood: FloodService): Reply {
  const lines = flood
    .nearest()
    .map(({ site, rttMs }) =>
      [nameField(site.name), nameField(site.hostname), site.clientPort, measured(rttMs)].join(' '),
    );
  return { code: Code.NEAREST, lines, text: `${lines.length} hint` };
}

/** In the order of the notes; the names there are words with `-` between, and seconds are `-s`. */
const STATISTICS: { readonly [K in keyof FloodStatistics]: string } = {
  uptimeSeconds: 'uptime-s',
  site: 'site',
  incarnation: 'incarnation',
  groups: 'groups',
  sitesKnown: 'sites-known',
  sitesUp: 'sites-up',
  sitesDown: 'sites-down',
  linksUp: 'links-up',
  updatesOriginated: 'updates-originated',
  updatesReceived: 'updates-received',
  duplicates: 'duplicates',
  updatesExported: 'updates-exported',
  exportRuns: 'export-runs',
  exportFailures: 'export-failures',
  exportDropped: 'export-dropped',
  bytesStored: 'bytes-stored',
  dataStorageMax: 'data-storage-max',
  queuedSend: 'queued-send',
  queuedExport: 'queued-export',
  droppedDown: 'dropped-down',
  droppedSend: 'dropped-send',
  droppedExport: 'dropped-export',
  droppedOversize: 'dropped-oversize',
  droppedFull: 'dropped-full',
  gapsAbandoned: 'gaps-abandoned',
  pings: 'pings',
  bandwidthProbes: 'bandwidth-probes',
  estimatesSent: 'estimates-sent',
  joinsSent: 'joins-sent',
  joinsReceived: 'joins-received',
  topologiesComputed: 'topologies-computed',
  topologiesReceived: 'topologies-received',
  generatorFailures: 'generator-failures',
  protocolErrors: 'protocol-errors',
};

function statisticLines(found: FloodStatistics): string[] {
  return Object.entries(STATISTICS).map(([key, name]) => {
    const value = found[key as keyof FloodStatistics];
    return `${name} ${typeof value === 'string' ? nameField(value) : whole(value)}`;
  });
}

function statistics(flood: FloodService): Reply {
  return { code: Code.STATISTICS, lines: statisticLines(flood.statistics()), text: 'end' };
}

function have(flood: FloodService, name: string): Reply {
  const found = flood.have(name);
  if (found === undefined) return noGroup(name);
  const lines = found.map(({ origin, incarnation, lowWater, ranges }) => {
    const seen = ranges.map(([first, last]) => `${first}-${last}`).join(',');
    return [nameField(origin), incarnation, lowWater, seen === '' ? '-' : seen].join(' ');
  });
  return { code: Code.DONE, lines, text: String(lines.length) };
}

function missing(flood: FloodService, name: string): Reply {
  const found = flood.missing(name);
  if (found === undefined) return noGroup(name);
  const lines = found.map(({ origin, incarnation, first, last, reason }) =>
    [nameField(origin), incarnation, `${first}-${last}`, reason].join(' '),
  );
  return { code: Code.DONE, lines, text: String(lines.length) };
}

/** Commands that only show. */
export function showCommands(flood: FloodService): readonly TextCommand[] {
  const ofGroup = (
    show: (flood: FloodService, name: string) => Reply,
  ): Pick<TextCommand, 'usage' | 'arguments' | 'run'> => ({
    usage: '<group-name>',
    arguments: [1, 1],
    run: ({ args }) => show(flood, args[0]!),
  });
  return [
    {
      name: 'group',
      help: 'membership of the group',
      details: ['212-<site> <hostname> <client-port> <data-port> <self|up|suspect|down> <last-heard-s> [master]'],
      ...ofGroup(group),
    },
    {
      name: 'groups',
      help: 'list of groups',
      details: ['213-<group> <members> <master-site> <epoch> <topology-number>'],
      run: () => groups(flood),
    },
    {
      name: 'topology',
      help: 'topology of the group',
      details: ['215-<siteA> <siteB> <cost> <rtt-ms> <bandwidth-B/s>', '- is what is not measured yet.'],
      ...ofGroup(topology),
    },
    {
      name: 'nearest',
      help: 'sites that are near, a hint only',
      details: [
        '216-<site> <hostname> <client-port> <rtt-ms>',
        'The daemon knows how near they are to itself. Ask several yourself, take the first to answer, and remember it.',
      ],
      run: () => nearest(flood),
    },
    {
      name: 'statistics',
      help: 'statistics on the daemon',
      details: ['211-<name> <value>; counters never decrease in one run.'],
      run: () => statistics(flood),
    },
    {
      name: 'have',
      help: 'what came here of each origin',
      details: [
        '250-<origin> <incarnation> <low-water> <first-last,...|->',
        'Everything up to low-water, and the ranges.',
      ],
      ...ofGroup(have),
    },
    {
      name: 'missing',
      help: 'what is known to be missing here',
      details: ['250-<origin> <incarnation> <first>-<last> <reason>'],
      ...ofGroup(missing),
    },
  ];
}

/** For browsers: groups, each group with its topology, statistics. */
export function showPage(flood: FloodService): readonly PageSection[] {
  const section = (title: string, reply: Reply): PageSection => ({
    title,
    lines: [...(reply.lines ?? []), reply.text],
  });
  return [
    section('groups', groups(flood)),
    ...flood
      .groups()
      .flatMap(({ name }) => [
        section(`group ${name}`, group(flood, name)),
        section(`topology ${name}`, topology(flood, name)),
      ]),
    section('statistics', statistics(flood)),
  ];
}

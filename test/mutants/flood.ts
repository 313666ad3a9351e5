// Planted bugs of flooding sites (docs/design/flood.md); they are hunted in runs of sites, not of daemons.
import { planted } from './mutant.js';

export const FLOOD = planted(
  'flood',
  [
    [
      'low-water-mark-not-seen',
      'an update is exported once: what is at the low-water mark was seen',
      'received.ts',
      ['return sequence <= r.lowWater ||', 'return sequence < r.lowWater ||'],
    ],
    [
      'have-claims-one-too-many',
      'HAVE takes from a queue only what the other side has',
      'flooding.ts',
      ['if (s.data.sequence <= h.lowWater ||', 'if (s.data.sequence <= h.lowWater + 1 ||'],
    ],
    [
      'released-when-sent',
      'an update stays queued until it is acknowledged',
      'flooding.ts',
      [
        'this.connections.write(c, s.head, s.bytes);',
        'this.connections.write(c, s.head, s.bytes); this.store.release(c.site, key);',
      ],
    ],
    [
      'window-never-opens',
      'an acknowledgement opens the window again',
      'flooding.ts',
      ['    c.flow.inFlight.delete(key);\n', ''],
    ],
    [
      'since-of-another-scope',
      'a gap is told from updates for other groups',
      'origin.ts',
      ['return d.sinceOf.find(([g]) => g === group)?.[1] ?? d.since;', 'void group; return d.since;'],
    ],
    [
      'no-drain',
      'what waits for a site that is no neighbour any more goes over a drain connection',
      'links.ts',
      ['    this.drain();\n    this.arm();', '    this.arm();'],
    ],
    [
      'nothing-kept-for-who-is-down',
      'former neighbours keep for a site that is down what is flooded meanwhile',
      'wards.ts',
      ['return this.byGroup.get(group)?.keys() ?? [];', 'void group; return [];'],
    ],
    [
      'queue-outlives-purge',
      'the queue of a site that was purged is freed',
      'parts.ts',
      ['for (const s of this.store.free(site)) {', 'for (const s of [] as Stored[]) {'],
    ],
    [
      'epoch-does-not-count',
      'a list of a larger epoch is newer whatever its version',
      'group.ts',
      ['return epoch > thanEpoch || (epoch === thanEpoch && n > thanN);', 'return epoch >= thanEpoch && n > thanN;'],
    ],
    [
      'earlier-run-stays-out',
      'a site with a lost clock takes an incarnation above the one that peers know',
      'parts.ts',
      [
        '    if (ctx.leaving || ctx.nowMs - this.rebornMs < REBIRTH_AGAIN_MS) return;',
        '    if (incarnation > 0) return;',
      ],
    ],
    [
      'export-lost-at-restart',
      'what waits for export survives a restart over durable storage',
      'parts.ts',
      ['const exports = exporting && ctx.birth.exporter;', 'const exports = exporting && !ctx.birth.exporter;'],
    ],
    [
      'dropped-export-not-listed',
      'what came and was not exported is listed as missing',
      'received.ts',
      ['    addRange(r.dropped, sequence, sequence);\n', ''],
    ],
    [
      'ahead-never-confirmed',
      'what a peer has had for long is listed as missing',
      'received.ts',
      ['      r.confirmed = r.ahead;\n', ''],
    ],
    [
      'left-for-ever',
      'a site that left is up again when a later run is heard of',
      'sites.ts',
      ['return s.left > 0 && s.left >= s.incarnation;', 'return s.left > 0;'],
    ],
    [
      'running-bundle-dropped',
      'the bundle under way is not touched by drops',
      'store.ts',
      ['for (const s of queue) if (!this.running.has(s)) return s;', 'for (const s of queue) return s;'],
    ],
    [
      'storage-limit-ignored',
      'storage stays within its limit',
      'store.ts',
      ['while (this.bytes + cost > this.limitBytes)', 'while (this.bytes + cost > 2 * this.limitBytes)'],
    ],
    [
      'down-members-in-the-topology',
      'sites that are down are in no topology',
      'topology.ts',
      ['[...g.members].filter((m) => !this.sites.isDown(m)).sort()', '[...g.members].slice(0, -1).sort()'],
    ],
  ],
  'plugins/service/flood/machine',
);

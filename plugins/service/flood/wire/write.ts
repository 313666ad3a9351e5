// Writes frames (layout: docs/design/flood.md, section 3). All integers of the prefix are big-endian:
//
//   0 u8 0x46   1 u8 0x44   2 u8 version 1   3 u8 type   4 u32 header bytes   8 u32 payload bytes   12 header, payload
//
// The header is one list of lists; payloads of control frames are lists one after the other. Bytes made here are given away.
import type { Bytes } from 'peal/plugin';
import type { SiteDefinition } from '../machine/settings.js';
import type { ControlFrame, Data, HaveOrigin } from './frames.js';
import {
  FrameType,
  type FrameKind,
  MAGIC_0,
  MAGIC_1,
  MAX_REASON_CHARACTERS,
  MAX_TEXT_BYTES,
  PREFIX_BYTES,
  PROTOCOL_VERSION,
} from './limits.js';
import { quoted, written } from './sexp.js';

const encoder = new TextEncoder();
/** Ranges are left out when a payload gets longer than that; the peer sends again what it then takes to be missing. */
const RANGES_UP_TO = MAX_TEXT_BYTES / 4;

/** Prefix and header of a frame whose payload of that many bytes follows. */
function head(kind: FrameKind, header: string, payloadBytes: number): Bytes {
  const text = encoder.encode(`(${header})`);
  const b = new Uint8Array(PREFIX_BYTES + text.length);
  b[0] = MAGIC_0;
  b[1] = MAGIC_1;
  b[2] = PROTOCOL_VERSION;
  b[3] = FrameType[kind];
  const view = new DataView(b.buffer);
  view.setUint32(4, text.length);
  view.setUint32(8, payloadBytes);
  b.set(text, PREFIX_BYTES);
  return b;
}

/** Head of an update; its bytes follow. */
export function dataHead(d: Data, payloadBytes: number): Bytes {
  const others = d.sinceOf.map(([group, n]) => ` (${quoted(group)} ${written(n)})`).join('');
  const id = `(:origin ${quoted(d.origin)}) (:incarnation ${written(d.incarnation)}) (:seq ${written(d.sequence)})`;
  const rest = `(:scope ${quoted(d.scope)}) (:hops ${d.hops}) (:created ${written(d.created)})`;
  return head('data', `${id} ${rest} (:since ${written(d.since)}${others})`, payloadBytes);
}

/** Head of a bandwidth probe; bytes of any value follow. */
export function bandwidthTestHead(id: number, payloadBytes: number): Bytes {
  return head('bwtest', `(:id ${id})`, payloadBytes);
}

/** A whole control frame. */
export function writeFrame(f: ControlFrame): Bytes {
  const [header, payload] = parts(f);
  const body = encoder.encode(payload);
  const front = head(f.kind, header, body.length);
  if (body.length === 0) return front;
  const whole = new Uint8Array(front.length + body.length);
  whole.set(front);
  whole.set(body, front.length);
  return whole;
}

function parts(f: ControlFrame): readonly [header: string, payload: string] {
  switch (f.kind) {
    case 'hello':
      return [
        `${siteFields(f.site)} (:incarnation ${written(f.incarnation)}) (:purpose ${quoted(f.purpose)}) ` +
          `(:protocol ${f.protocol}) (:software ${quoted(f.software)}) (:groups${f.groups.map((g) => ` ${quoted(g)}`).join('')})`,
        '',
      ];
    case 'have':
      return [`(:group ${quoted(f.group)})`, haveLists(f.origins)];
    case 'ack':
      return [f.ids.map((i) => `(${quoted(i.origin)} ${written(i.incarnation)} ${written(i.sequence)})`).join(' '), ''];
    case 'ping':
    case 'pong':
      return [`(:id ${f.id}) (:t ${written(f.time)})`, ''];
    case 'bwresult':
      return [`(:id ${f.id}) (:bytes ${f.bytes}) (:elapsed-us ${written(f.elapsedUs)})`, ''];
    case 'estimates':
      return [
        `(:group ${quoted(f.group)}) (:origin ${quoted(f.origin)}) (:incarnation ${written(f.incarnation)}) (:serial ${f.serial})` +
          (f.have === undefined ? '' : ' (:summary)'),
        f.links.map(linkList).join('') + (f.have === undefined ? '' : haveLists(f.have)),
      ];
    case 'join':
      return [
        `(:group ${quoted(f.group)}) (:hops ${f.hops}) ${siteFields(f.site)} (:incarnation ${written(f.incarnation)})`,
        '',
      ];
    case 'members':
      return [
        `(:group ${quoted(f.group)}) (:epoch ${written(f.epoch)}) (:version ${f.version})`,
        f.members.map((m) => `(${siteFields(m.site)} (:incarnation ${written(m.incarnation)}))\n`).join(''),
      ];
    case 'topology':
      return [
        `(:group ${quoted(f.group)}) (:epoch ${written(f.epoch)}) (:number ${f.number}) (:connectivity ${f.connectivity}) ` +
          `(:generator ${quoted(f.generator)})`,
        f.edges.map((e) => `(:edge ${quoted(e.a)} ${quoted(e.b)} ${written(e.cost)})\n`).join(''),
      ];
    case 'leave':
      return [
        `(:group ${quoted(f.group)}) (:site-name ${quoted(f.site)}) (:incarnation ${written(f.incarnation)})`,
        '',
      ];
    case 'sync':
      return [`(:to ${quoted(f.to)}) (:reason ${reason(f.reason)})`, ''];
    case 'goodbye':
      return [`(:reason ${reason(f.reason)})`, ''];
    case 'error':
      return [
        `(:code ${f.code}) (:text ${reason(f.text)})` +
          (f.incarnation === 0 ? '' : ` (:incarnation ${written(f.incarnation)})`),
        '',
      ];
  }
}

function reason(text: string): string {
  return quoted(text.slice(0, MAX_REASON_CHARACTERS));
}

function siteFields(s: SiteDefinition): string {
  const address = s.inetAddress === undefined ? '' : ` (:inet-address ${quoted(s.inetAddress)})`;
  const place =
    (s.longitude === undefined ? '' : ` (:longitude ${written(s.longitude)})`) +
    (s.latitude === undefined ? '' : ` (:latitude ${written(s.latitude)})`);
  return (
    `(:site-name ${quoted(s.name)}) (:hostname ${quoted(s.hostname)})${address} ` +
    `(:client-port ${s.clientPort}) (:data-port ${s.dataPort})${place}`
  );
}

function linkList(l: {
  to: string;
  rttMs: number | undefined;
  bytesPerSecond: number | undefined;
  ageSeconds: number;
}): string {
  const rtt = l.rttMs === undefined ? '' : ` (:rtt-ms ${written(l.rttMs)})`;
  const bandwidth = l.bytesPerSecond === undefined ? '' : ` (:bytes-per-s ${written(l.bytesPerSecond)})`;
  return `(:link ${quoted(l.to)}${rtt}${bandwidth} (:age-s ${written(l.ageSeconds)}))\n`;
}

/** What is had of each origin, a list each; also the form in which it is stored. */
export function haveLists(origins: readonly HaveOrigin[]): string {
  let text = '';
  for (const o of origins) {
    text += `(:have ${quoted(o.origin)} ${written(o.incarnation)} ${written(o.lowWater)}`;
    if (text.length < RANGES_UP_TO)
      for (const [first, last] of o.ranges) text += ` (${written(first)} ${written(last)})`;
    text += ')\n';
  }
  return text;
}

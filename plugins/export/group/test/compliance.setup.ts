// What the suite of exporters cannot know of export.group: a member of its group, and sessions that answer late or end.
import { bind, type ComplianceParts, PlayedSessions } from 'peal/compliance';
import { type Bytes, type Exporter, type MessageEvent, readEvents } from 'peal/plugin';
import { buildFrame, type ExportRecord, ServiceBits, Sessions } from 'peal/plugin';
import { FakeSessions } from '../../../../test/compliance/fake-sessions.js';

export const GROUP = 'updates';

/** What a member of the group has received. */
export function member(sessions: FakeSessions, group = GROUP): MessageEvent[] {
  const received: MessageEvent[] = [];
  const deliver = (frames: Bytes): void => {
    for (const event of readEvents(new Uint8Array(frames)) ?? []) if (event.kind === 'message') received.push(event);
  };
  const sink = { deliver, flush: () => undefined, ended: () => undefined };
  const session = sessions.open({ name: 'member', membership: true, from: 'test', listener: 'test' }, sink);
  if (typeof session === 'string') throw new Error(session);
  session.submit(buildFrame({ service: ServiceBits.JOIN, sender: session.privateGroup, groups: [group] }));
  return received;
}

const parts: ComplianceParts<'export'> = ({ build, options }) => {
  let arrived: MessageEvent[] = [];
  const built = (sessions: Sessions, more: Record<string, string> = {}): Exporter =>
    build<Exporter>({ group: GROUP, ...more }, [bind(Sessions, sessions)]).instance;
  return {
    create: () => {
      const sessions = new FakeSessions();
      arrived = member(sessions, options['group']);
      return Promise.resolve(built(sessions));
    },
    arrived: () => Promise.resolve(arrived.map((m): ExportRecord => ({ id: '', bytes: m.data }))),
    createSlow: () => Promise.resolve(built(new PlayedSessions(), { stop_wait_ms: '20' })),
    createFailing: () => {
      const sessions = new PlayedSessions();
      const exporter = built(sessions);
      const start = exporter.start!.bind(exporter);
      exporter.start = async () => {
        await start();
        sessions.refusal = 'quota';
        sessions.opened[0]!.sink.ended('killed');
      };
      return Promise.resolve(exporter);
    },
  };
};
export default parts;

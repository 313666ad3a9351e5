// A chat over one group: who comes, who goes, what is said, in one order everywhere (docs/client-library.md).
//
//   node dist/examples/chat.js 4803@127.0.0.1 ann
import { createInterface } from 'node:readline';
import { connect, type SessionEvent } from 'peal/client';

const ROOM = 'chat';
const [at = '4803@127.0.0.1', name] = process.argv.slice(2);

const short = (privateGroup: string): string => privateGroup.split('#')[1] ?? privateGroup;

function show(e: SessionEvent): string | undefined {
  switch (e.kind) {
    case 'message':
      return `<${short(e.sender)}> ${Buffer.from(e.data).toString()}`;
    case 'view':
      return `-- here are ${e.members.map(short).join(', ')}${e.changed === undefined ? '' : ` (${e.cause}: ${short(e.changed)})`}`;
    case 'transitional':
      return '-- somebody is lost';
    case 'lost':
      return `-- connection lost: ${e.why}${e.inDoubt.length > 0 ? `; ${e.inDoubt.length} of your lines may not have arrived` : ''}`;
    case 'reconnected':
      return '-- connected again';
    default:
      return undefined;
  }
}

await using session = await connect({ at, reconnect: true, ...(name === undefined ? {} : { name }) });
void session.join(ROOM);

const input = createInterface({ input: process.stdin });
input.on('line', (line) => {
  if (!session.connected) console.log('-- not connected, say it again later');
  else if (line !== '') session.multicast('agreed', ROOM, line);
});
input.on('close', () => void session.disconnect());

for await (const e of session) {
  const line = show(e);
  if (line !== undefined) console.log(line);
}

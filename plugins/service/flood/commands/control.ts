// Commands that change something or take the connection over: update, terminate, connect, listen (docs/floodd.md).
import type { CommandCall, Reply, Step, TextCommand } from 'peal/plugin';
import type { ConnectRefusal, FloodService } from '../service.js';
import { ChannelStream } from './channel-stream.js';
import { Code, nameField, noGroup, STOPPING } from './text.js';

function notAllowed({ address }: CommandCall): Reply {
  return { code: Code.NOT_ALLOWED, text: `not allowed from ${address}` };
}

function update(flood: FloodService, call: CommandCall): Reply {
  const group = call.args[0]!;
  if (!flood.isAdmin(call.address)) return notAllowed(call);
  if (flood.update(group)) return { code: Code.DONE, text: `computing the topology of ${nameField(group)}` };
  return flood.groups().some(({ name }) => name === group)
    ? { code: Code.UNKNOWN, text: `this site is not the master of ${nameField(group)}` }
    : noGroup(group);
}

function terminate(flood: FloodService, call: CommandCall): Reply {
  if (!flood.isAdmin(call.address)) return notAllowed(call);
  // The answer leaves first.
  setImmediate(() => flood.terminate());
  return { code: Code.CLOSING, text: 'terminating', close: true };
}

function refusal(why: ConnectRefusal, site: string): Reply {
  switch (why) {
    case 'unknown-site':
      return { code: Code.UNKNOWN, text: `no site ${nameField(site)}` };
    case 'unreachable':
      return { code: Code.FAILED, text: `${nameField(site)} cannot be reached` };
    case 'timeout':
      return { code: Code.FAILED, text: `${nameField(site)} did not answer in time` };
    case 'not-served':
      return { code: Code.OFF, text: `nobody at ${nameField(site)} takes channels` };
    case 'stopping':
      return STOPPING;
  }
}

async function connect(flood: FloodService, call: CommandCall): Promise<Step> {
  const site = call.args[0]!;
  const stream = new ChannelStream();
  const channel = await flood.connect(site, stream.sink);
  if (typeof channel === 'string') return refusal(channel, site);
  return { reply: { code: Code.DONE, text: `connected ${nameField(site)}` }, stream: stream.attach(channel) };
}

async function listen(flood: FloodService, call: CommandCall): Promise<Step> {
  const stream = new ChannelStream();
  const listening = flood.listen(stream.sink);
  if (listening === undefined) return { code: Code.BUSY, text: 'somebody listens already' };
  const give = (): void => listening.cancel();
  call.gone.addEventListener('abort', give, { once: true });
  if (call.gone.aborted) give();
  const channel = await listening.accepted;
  call.gone.removeEventListener('abort', give);
  if (channel === undefined) return STOPPING;
  return { reply: { code: Code.DONE, text: `peer ${nameField(channel.peer)}` }, stream: stream.attach(channel) };
}

export function controlCommands(flood: FloodService): readonly TextCommand[] {
  return [
    {
      name: 'update',
      usage: '<group-name>',
      arguments: [1, 1],
      help: 'compute the topology now; at the master only',
      run: (call) => update(flood, call),
    },
    {
      name: 'connect',
      usage: '<site-name>',
      arguments: [1, 1],
      help: 'from here on bytes to and from an application at that site',
      details: ['250 connected <site>, then bytes both ways until either end closes.'],
      run: (call) => connect(flood, call),
    },
    {
      name: 'listen',
      help: 'wait for an application at another site that connects',
      details: ['250 peer <site> when one does, then bytes both ways until either end closes.'],
      run: (call) => listen(flood, call),
    },
    {
      name: 'terminate',
      aliases: ['shutdown', 'die'],
      help: 'terminate the daemon',
      run: (call) => terminate(flood, call),
    },
  ];
}

// Addresses, options and ports for tests of the medium alone.
import { createSocket } from 'node:dgram';
import type { Address, HostPort, Timers } from 'peal/plugin';
import type { UdpOptions } from '../medium.js';

const MIB = 1024 * 1024;

export const timers: Timers = {
  set: (ms, fn) => setTimeout(fn, ms),
  cancel: (timer) => clearTimeout(timer as NodeJS.Timeout),
};

export function udpOptions(): UdpOptions {
  return {
    datagramBytes: 0,
    receiveBufferBytes: MIB,
    sendBufferBytes: MIB,
    sendQueueBytes: MIB,
    multicast: undefined,
    multicastInterface: '',
    multicastTtl: 0,
    multicastLoopback: true,
    checkSource: true,
  };
}

/** A loopback address of this process's own, so that runs beside each other never meet. */
export const HOST = `127.${1 + ((process.pid >> 14) & 0x7f)}.${(process.pid >> 7) & 0x7f}.${1 + (process.pid & 0x7f)}`;

export async function freeAddresses(count: number): Promise<readonly Address[]> {
  const ports = await freePorts(count);
  return ports.map((port, place) => ({
    name: ['alpha', 'beta', 'gamma', 'delta', 'epsilon'][place] ?? `daemon${place}`,
    host: HOST,
    port,
    place,
  }));
}

/** A group of this process's own. */
export async function freeGroup(): Promise<HostPort> {
  const [port] = await freePorts(1);
  return { host: HOST.replace(/^127\.\d+/, '239.77'), port: port! };
}

async function freePorts(count: number): Promise<readonly number[]> {
  const sockets = await Promise.all(
    Array.from({ length: count }, async () => {
      const socket = createSocket('udp4');
      await new Promise<void>((resolve) => socket.bind(0, HOST, resolve));
      return socket;
    }),
  );
  const ports = sockets.map((s) => s.address().port);
  await Promise.all(sockets.map((s) => new Promise<void>((resolve) => s.close(resolve))));
  return ports;
}

// Making sockets: bound where several may share a port, with the buffers asked for. Every promise here rejects with the
// system's error and leaves no socket open.
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { isIPv6, SocketAddress } from 'node:net';

export interface Buffers {
  readonly receiveBufferBytes: number;
  readonly sendBufferBytes: number;
}

export type Taker = (bytes: Buffer, from: RemoteInfo) => void;

/** The address as the system spells it. */
export function spelled(host: string): string {
  return isIPv6(host) ? new SocketAddress({ address: host, family: 'ipv6' }).address : host;
}

/** Rejects if anybody else, this process too, has that address. */
export async function claim(host: string, port: number): Promise<void> {
  const socket = createSocket({ type: isIPv6(host) ? 'udp6' : 'udp4' });
  try {
    await bound(socket, host, port);
  } finally {
    await closed(socket);
  }
}

/** A bound socket that hands over what it reads. */
export async function listen(host: string, port: number, buffers: Buffers, take: Taker): Promise<Socket> {
  const socket = createSocket({
    type: isIPv6(host) ? 'udp6' : 'udp4',
    reuseAddr: true,
    ...(isIPv6(host) ? { ipv6Only: true } : {}),
    recvBufferSize: buffers.receiveBufferBytes,
    sendBufferSize: buffers.sendBufferBytes,
  });
  socket.on('message', take);
  try {
    await bound(socket, host, port);
  } catch (error) {
    await closed(socket);
    throw error;
  }
  return socket;
}

/** From here on it sends to that address only, and hears no other. */
export function connected(socket: Socket, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.connect(port, host, (error?: Error) => {
      if (error === undefined) resolve();
      else reject(error);
    });
  });
}

export function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.close(resolve));
}

function bound(socket: Socket, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.bind({ address: host, port, exclusive: true }, () => {
      socket.removeListener('error', reject);
      resolve();
    });
  });
}

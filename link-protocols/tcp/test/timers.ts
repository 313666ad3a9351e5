// Ports and options for tests of the medium alone.
import type { Timers } from 'peal/plugin';
import type { TcpOptions } from '../medium.js';

export const timers: Timers = {
  set: (ms, fn) => setTimeout(fn, ms),
  cancel: (timer) => clearTimeout(timer as NodeJS.Timeout),
};

export function tcpOptions(dataQueueBytes: number): TcpOptions {
  return { maxMessageBytes: 64 * 1024, dataQueueBytes, controlQueueBytes: 4 * 1024 * 1024, checkSource: true };
}

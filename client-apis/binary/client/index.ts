// The client library, export `peal/client`: promises, `for await`, typed events, no dependency. It talks to a daemon of
// peal and to a real Spread 3.1 to 4.4 alike. Guide: docs/client-library.md.
export { DEFAULT_PORT, parseSpreadName, type Where } from './address.js';
export { GROUPS_MAX, type Body } from './encoder.js';
export { ClientError, CODES, type ErrorCode } from './errors.js';
export {
  LEVELS,
  sameView,
  viewText,
  type GroupId,
  type InDoubt,
  type Left,
  type Level,
  type Lost,
  type Message,
  type Reconnected,
  type Rejected,
  type SessionEvent,
  type Transitional,
  type View,
} from './events.js';
export { FlushSession, type FlushOptions } from './flush.js';
export { FLUSH_TYPE_MIN, type FlushEvent, type FlushRequest, type SyncedView } from './flush-machine.js';
export type { Credentials } from './handshake.js';
export { ReplicatedGroup } from './replicated-group.js';
export type { Replica } from './state-machine.js';
export { MessageFactory, type Outgoing } from './message.js';
export { isPrivateGroup, parsePrivateGroup, type PrivateGroup } from './names.js';
export type { RetryPace } from './retry.js';
export type { Received, ReceiveOptions } from './scatter.js';
export {
  connect,
  DEFAULT_MAX_MESSAGE_BYTES,
  LARGEST_MESSAGE_BYTES,
  Session,
  type ConnectOptions,
  type SendOptions,
} from './live-session.js';

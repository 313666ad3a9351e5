// The SDK, export `peal/plugin`: all that a plugin of any kind may import from the daemon. Plugins written as classes use
// the kernel's own tsyringe by way of inject and injectable.
export { inject, injectable } from './inject.js';

export { API_VERSION, definePlugin, isPlugin, Options, PLUGIN_KINDS, Section } from './define.js';
export type {
  Inner,
  InnerKind,
  Part,
  Plugin,
  PluginInstances,
  PluginKind,
  Requirement,
  Scope,
  Seam,
} from './define.js';
export { camelCase, nearestName, readOptions } from './options.js';
export { expectedOf, formatValue, parseValue } from './option-values.js';
export type {
  EffectiveOption,
  HostPort,
  OptionEntry,
  OptionRow,
  OptionsOf,
  OptionTable,
  OptionValue,
} from './options.js';
export { errorTable, PealError, PealErrors, reasonOf, STORAGE_ERRORS } from '../errors.js';
export type { ErrorSpec, ErrorTable, Position } from '../errors.js';

export {
  Clock,
  DaemonInfo,
  EventLoop,
  Logger,
  LOG_LEVELS,
  Process,
  Random,
  Sessions,
  Shutdown,
  Timers,
  token,
} from './ports.js';
export type { Command, CommandResult, LogFields, LogLevel, TimerHandle, Token } from './ports.js';

export type { Address, Identity, Medium, MediumUp } from './medium.js';
export { Wrapped } from './link.js';
export { ChurnMap } from '../machine/churn-map.js';
export { Gate, Positions } from './link.js';
export type { Frozen, Link, LinkUp, Packing } from './link.js';
export type { ClientApi, Session, SessionEnd, SessionRefusal, SessionRequest, SessionSink } from './client.js';
export { MAX_KEY_LENGTH, RECORD_OVERHEAD_BYTES, Store } from './storage.js';
export type { AppendLog, Change, Entry, LogRecord, Range, Storage } from './storage.js';
export { checkedKey, recordCost, Space } from './space.js';
export { Exporter } from './export.js';
export type { ExportBatch, ExportRecord, ExportResult, Offer } from './export.js';
export { Companion } from './service.js';
export type { Service } from './service.js';
export { faceOf } from './commands.js';
export type {
  CommandCall,
  CommandFace,
  NeedBytes,
  NeedLines,
  PageSection,
  Reply,
  Step,
  Steps,
  TextCommand,
  Upgrade,
} from './commands.js';
export type { Priority, SlowHandler, Source, SourceOptions, TimerKey } from './loop.js';
export { Attempts } from './attempts.js';
export { ONE_CHUNK_PER_POLL, readAccepted } from './accepted.js';
export { isLasting } from './lanes.js';
export { hold, release, Slab } from './lent.js';
export { SocketWriter } from './socket-writer.js';
export { Outbound, OUTBOUND_DEFAULTS, socketPort } from './outbound/index.js';
export type { OutboundHost, OutboundInfo, OutboundOptions, OutboundPort, SlowReaderPolicy } from './outbound/index.js';
export type {
  Bytes,
  Configuration,
  ConfigurationId,
  Evidence,
  Member,
  Pack,
  PackKind,
  Plane,
} from '../machine/types.js';

export {
  buildFrame,
  DATA_LENGTH_OFFSET,
  DEFAULT_MAX_MESSAGE_BYTES,
  ENDIAN_MARK,
  frameBytes,
  frameGroups,
  frameService,
  GROUPS_COUNT_OFFSET,
  HEADER_BYTES,
  HINT_OFFSET,
  MAX_GROUPS,
  NAME_BYTES,
  readName,
  readU32,
  SENDER_OFFSET,
  Service as ServiceBits,
  writeName,
  writeU32,
} from '../wire/frame.js';
export type { FrameParts } from '../wire/frame.js';
export { Compactor, MAX_RUN_BYTES } from '../wire/compact.js';
export { checkFrames, FrameCheck } from '../wire/check.js';
export type { CheckStop, FrameFault, SessionFacts } from '../wire/check.js';
export { FrameReader } from '../wire/reader.js';
export type { RunTaker, StreamState } from '../wire/reader.js';
export { isGroupName, isPrivateName, privateGroupOf } from '../wire/name.js';
export { isView, oldViews } from '../wire/view.js';
export { readEvents } from '../wire/event.js';
export type { FrameEvent, GroupId, LeftEvent, MessageEvent, TransitionalEvent, ViewEvent } from '../wire/event.js';

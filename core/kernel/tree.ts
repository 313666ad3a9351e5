// The plugin tree as the operator sees it, planned or running: sections, where each plugin came from, effective options
// and where each value came from, state and times of the start. Plain values, so that it travels over the control channel.
import type { PartRecord } from './lifecycle.js';
import type { Plan, PlannedPlugin } from './plan.js';
import { formatValue } from '../plugin/option-values.js';
import type { EffectiveOption } from '../plugin/options.js';

export interface OptionLine {
  readonly name: string;
  readonly value: string;
  /** `default`, or `FILE:LINE`. */
  readonly from: string;
}

export interface TreeNode {
  readonly section: string;
  readonly doc: string;
  readonly source: string;
  /** planned, starting, running, stopping, stopped or failed. */
  readonly state: string;
  /** Milliseconds after the start of the daemon; absent when it has not started. */
  readonly startedAtMs?: number;
  readonly tookMs?: number;
  /** Sections it needs, or wraps. */
  readonly uses: readonly string[];
  readonly options: readonly OptionLine[];
}

/** The tree of a plan that is not running. */
export function plannedTree(plan: Plan): readonly TreeNode[] {
  return [...linkChain(plan.link), ...plan.parts].map((planned) => nodeOf(planned, 'planned'));
}

/** The links of a plan, outermost first. */
export function linkChain(link: PlannedPlugin): readonly PlannedPlugin[] {
  return link.wraps === undefined ? [link] : [link, ...linkChain(link.wraps)];
}

/** A line of the boot tree. */
export function runningNode(record: PartRecord): TreeNode {
  const { startedAtMs, tookMs } = record;
  return {
    ...nodeOf(record.planned, record.state),
    ...(startedAtMs === undefined ? {} : { startedAtMs }),
    ...(tookMs === undefined ? {} : { tookMs }),
  };
}

function nodeOf(planned: PlannedPlugin, state: string): TreeNode {
  const used = [...planned.needs.values(), ...(planned.wraps === undefined ? [] : [planned.wraps])];
  return {
    section: planned.section.title,
    doc: planned.plugin.doc,
    source: planned.source,
    state,
    uses: used.map((u) => u.section.title),
    options: [
      ...optionLines(planned.effective),
      ...planned.inner.flatMap(({ section, effective }) =>
        optionLines(effective).map((line) => ({ ...line, name: `${section.kind}.${section.name}: ${line.name}` })),
      ),
    ],
  };
}

/** Options that have a value, as a file would say them. */
export function optionLines(effective: readonly EffectiveOption[]): readonly OptionLine[] {
  return effective
    .filter(({ value }) => value !== undefined)
    .map(({ name, value, from }) => ({
      name,
      value: formatValue(value),
      from: typeof from === 'string' ? from : `${from.file}:${from.line}`,
    }));
}

/** The tree as text, two spaces per level. */
export function formatTree(nodes: readonly TreeNode[]): string {
  return nodes.map(formatNode).join('\n');
}

function formatNode(node: TreeNode): string {
  const started = node.startedAtMs === undefined ? '' : ` at ${node.startedAtMs} ms`;
  const took = node.tookMs === undefined ? '' : `, took ${node.tookMs} ms`;
  const uses = node.uses.length === 0 ? '' : `, uses ${node.uses.join(', ')}`;
  const lines = node.options.map(({ name, value, from }) => `  ${name} = ${value}   ; ${from}`);
  return [`[${node.section}] ${node.state}${started}${took} (${node.source}${uses})`, ...lines].join('\n');
}

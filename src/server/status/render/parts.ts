import type { HostState, InstancePhase } from '../model/types.js';
import { type Html, html } from './html.js';

/** Words and a shape as well as a colour: not everybody sees colours. */
const stateMarks: Readonly<Record<HostState, readonly [string, string]>> = {
  answers: ['●', 'Answers'],
  degraded: ['◐', 'Degraded'],
  down: ['✕', 'Down'],
  empty: ['○', 'Scaled to 0'],
  skipped: ['⊘', 'Skipped'],
};

export function stateLabel(state: HostState): string {
  return stateMarks[state][1];
}

export function badge(state: HostState): Html {
  const [mark, label] = stateMarks[state];
  return html`<span class="badge ${state}"
    ><span aria-hidden="true">${mark}</span><span class="word"> ${label}</span></span
  >`;
}

const phaseClass: Readonly<Record<InstancePhase, HostState>> = {
  serving: 'answers',
  down: 'down',
  gated: 'empty',
  draining: 'empty',
  held: 'degraded',
  leaving: 'empty',
  unassigned: 'degraded',
};

export function phaseBadge(phase: InstancePhase): Html {
  return html`<span class="badge ${phaseClass[phase]}">${phase}</span>`;
}

/** The script shows how long ago it was; without it, the time stands there. */
export function timeOf(ms: number, id?: string): Html {
  const iso = new Date(ms).toISOString();
  const clock = `${iso.slice(0, 10)} ${iso.slice(11, 19)} UTC`;
  return html`<time datetime="${iso}" title="${clock}" ${id !== undefined && html` id="${id}"`}
    >${clock}</time
  >`;
}

/** `34 ms`, `1.2 s`. */
export function duration(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(ms < 60_000 ? 1 : 0)} s`;
}

const thousands = new Intl.NumberFormat('en-US');

export function number(value: number): string {
  return thousands.format(value);
}

/** `1 service`, `3 services`. */
export function counted(value: number, one: string, many = `${one}s`): string {
  return `${number(value)} ${value === 1 ? one : many}`;
}

/** Lines of a plan; its first character says what happens to the object. */
export function changeList(changes: readonly string[], steps: number): Html {
  const more = changes.length > 0 && steps > changes.length;
  return html`<ul class="changes">
      ${changes.map((line) => html`<li class="${signOf(line)}">${line}</li>`)}
    </ul>
    ${more && html`<p class="muted">The first of ${counted(steps, 'step')}.</p>`}`;
}

function signOf(line: string): string {
  if (line.startsWith('+')) return 'add';
  return line.startsWith('-') ? 'remove' : 'change';
}

/** A service's name as a part of an id or a fragment. */
export function anchor(kind: string, name: string): string {
  return `${kind}-${encodeURIComponent(name)}`;
}

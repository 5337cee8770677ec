import { phases } from '../../../pass/phases.js';
import type { KeptChanges, PassStatus, PendingPlan } from '../model/types.js';
import { type Html, html } from './html.js';
import { changeList, counted, duration, timeOf } from './parts.js';

export function passesPage(pending: PendingPlan, passes: readonly PassStatus[]): Html {
  return html`<h1 class="hidden">Passes</h1>
    <section id="pending" aria-labelledby="pending-title">
      <h2 id="pending-title">Pending</h2>
      ${pendingPlan(pending)}
    </section>
    ${pending.kept !== undefined && pending.kept.steps > 0 && keptSection(pending.kept)}
    <section id="passes" aria-labelledby="passes-title">
      <h2 id="passes-title">Last passes that changed something or failed</h2>
      ${passes.length === 0 ? html`<p class="nothing">None since the start.</p>` : passes.map(pass)}
    </section>`;
}

function keptSection({ steps, changes }: KeptChanges): Html {
  return html`<section id="kept" aria-labelledby="kept-title">
    <h2 id="kept-title">Kept, as sync.policy says</h2>
    <p>${counted(steps, 'change')} that the policy <code>sync</code> would make too.</p>
    ${changeList(changes, steps)}
  </section>`;
}

function pendingPlan(pending: PendingPlan): Html {
  const { steps, changes, reloads, waiting } = pending;
  const waits =
    waiting > 0 && html`<p>${counted(waiting, 'server')} DOWN: a check that has not passed.</p>`;
  if (steps === 0)
    return html`<p>Nothing: HAProxy is as it should be.</p>
      ${waits}`;
  return html`<p>
      ${counted(steps, 'step')} left for
      ${whenLeft(pending)}.${reloads.length > 0 && ` Reload: ${reloads.join(', ')}.`}
    </p>
    ${changeList(changes, steps)}${waits}`;
}

function whenLeft({ afterMs, waitsFor }: PendingPlan): string {
  if (afterMs === undefined) return 'the next pass';
  if (waitsFor === undefined) return `the next reload, in ${duration(afterMs)}`;
  if (waitsFor.length === 0) return 'its turn among the HAProxies';
  return `the time when ${waitsFor.join(', ')} runs it, or in ${duration(afterMs)} at most`;
}

function pass(one: PassStatus, at: number): Html {
  const { result, steps, changes, reloads, error, durationMs } = one;
  const id = `pass-${one.at}`;
  return html`<details id="${id}" class="pass" ${at === 0 && html` open`}>
    <summary>
      <span class="badge ${result === 'failed' ? 'down' : 'answers'}">${result}</span>
      ${timeOf(one.at)}
      <span class="number">${duration(durationMs)}</span>
      <span>${error === undefined ? counted(steps, 'step') : error.code}</span>
      <span class="muted"
        >${error === undefined && (reloads.length === 0 ? 'no reload' : `reload: ${reloads.join(', ')}`)}</span
      >
    </summary>
    <div class="more">
      ${error !== undefined && html`<p class="reason">${error.reason}</p>`}
      ${steps > 0 && changeList(changes, steps)}
      <p class="muted">
        ${phases.flatMap((name) => (one.phases[name] === undefined ? [] : [`${name} ${duration(one.phases[name])}`])).join(' · ')}
      </p>
    </div>
  </details> `;
}

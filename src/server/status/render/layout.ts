import type { StatusModel, TargetStatus } from '../model/types.js';
import { type Html, html, toText } from './html.js';
import { linkTo, type Tab, tabs } from './links.js';
import { counted, duration, number, timeOf } from './parts.js';

/** What surrounds every page. */
export interface Frame {
  readonly model: Omit<StatusModel, 'targets'>;
  /** Without rows, which the content brings. */
  readonly target: Omit<TargetStatus, 'hosts' | 'services' | 'passes' | 'notices'>;
  /** Rows there are, to say how many a tab has. */
  readonly totals: {
    readonly hosts: number;
    readonly services: number;
    readonly notices: number;
  };
  /** Names of all targets. */
  readonly targets: readonly string[];
  /** Absent: none of the tabs. */
  readonly tab?: Tab;
  /** Of the events, to compare with. */
  readonly version: string;
  readonly assets: { readonly style: string; readonly script: string; readonly icon: string };
}

export function page(frame: Frame, title: string, content: Html): string {
  const { assets, version } = frame;
  return toText(
    html`<!doctype html>
      <html lang="en">
        <head>
          <meta charset="utf-8" />
          <meta name="viewport" content="width=device-width, initial-scale=1" />
          <meta name="color-scheme" content="light dark" />
          <title>${title} · haproxy-nomad-connector</title>
          <link rel="icon" href="${assets.icon}" />
          <link rel="stylesheet" href="${assets.style}" />
          <script src="${assets.script}" defer></script>
        </head>
        <body data-version="${version}">
          <a class="skip" href="#content">Skip to content</a>
          ${header(frame)}
          <main id="content" tabindex="-1">${summary(frame)} ${content}</main>
          <footer>
            <p>
              haproxy-nomad-connector ${frame.model.version} · read-only ·
              <a href="/status.json">status.json</a> · <a href="/metrics">metrics</a>
            </p>
          </footer>
        </body>
      </html> `,
  );
}

function header({ target, targets, tab, totals }: Frame): Html {
  const where = targets.length > 1 ? { target: target.name } : {};
  const entries: readonly (readonly [Tab, string, number?])[] = [
    ['hosts', 'Hosts', totals.hosts],
    ['services', 'Services', totals.services],
    ['passes', 'Passes'],
    ['notices', 'Notices', totals.notices],
  ];
  return html`<header>
    <p class="brand">haproxy-nomad-connector</p>
    <nav aria-label="Pages">
      <ul>
        ${entries.map(
          ([name, label, count]) =>
            html`<li>
              <a href="${linkTo(tabs[name], where)}" ${name === tab && html` aria-current="page"`}
                >${label}${count !== undefined && html` <span class="count">${number(count)}</span>`}</a
              >
            </li> `,
        )}
      </ul>
    </nav>
    ${targets.length > 1 && targetMenu(target.name, targets, tab)}
    <p class="live" id="live" role="status" hidden></p>
  </header>`;
}

function targetMenu(current: string, targets: readonly string[], tab: Tab = 'hosts'): Html {
  return html`<nav aria-label="HAProxy" class="targets">
    <ul>
      ${targets.map(
        (name) =>
          html`<li>
            <a
              href="${linkTo(tabs[tab], { target: name })}"
              ${name === current && html` aria-current="true"`}
              >${name}</a
            >
          </li> `,
      )}
    </ul>
  </nav>`;
}

/** The state of the whole at a glance. */
function summary({ model, target }: Frame): Html {
  const { ready } = model;
  return html`<section class="summary" id="summary" aria-label="Summary">
    ${!ready.ok && html`<p class="verdict down"><strong>Not in sync</strong>: ${ready.reason}</p>`}
    ${target.failure !== undefined && html`<p class="verdict down"><strong>The last pass failed</strong> (${target.failure.code}, ${timeOf(target.failure.at)}): ${target.failure.reason}</p>`}
    <dl>
      ${[sync(ready.ok), ...leadership(model), ...alike(model), ...facts(target)].map(
        ([name, value]) =>
          html`<div>
            <dt>${name}</dt>
            <dd>${value}</dd>
          </div> `,
      )}
    </dl>
  </section>`;
}

function sync(isReady: boolean): readonly [string, Html] {
  const state = html`<span class="badge ${isReady ? 'answers' : 'down'}"
    >${isReady ? 'in sync' : 'not in sync'}</span
  >`;
  return ['HAProxy with Nomad', state];
}

function leadership({ leader }: Frame['model']): readonly (readonly [string, Html])[] {
  if (leader === undefined) return [];
  const { leads, holder, term } = leader;
  const since = term !== undefined && html` <span class="muted">term ${term}</span>`;
  if (leads) return [['Leader', html`this connector${since}`]];
  const who = holder === undefined ? html`not known` : html`${holder}${since}`;
  return [['Leader', html`${who}<span class="muted">, this one stands by</span>`]];
}

/** With several HAProxies. */
function alike({ differs }: Frame['model']): readonly (readonly [string, Html])[] {
  if (differs === undefined) return [];
  if (differs.length === 0) return [['All HAProxies', html`serve the newest catalog`]];
  const badge = html`<span class="badge degraded">not up to date</span>`;
  return [['HAProxies', html`${differs.join(', ')} ${badge}`]];
}

function facts({ seen, counts, pending }: Frame['target']): readonly (readonly [string, Html])[] {
  if (seen === undefined) return [['State', html`no pass has finished yet`]];
  const { serving, ...others } = counts.instances;
  const rest = Object.entries(others).filter(([, count]) => count > 0);
  return [
    [
      'Last pass',
      html`${timeOf(seen.at, 'as-of')} <span class="muted">${duration(seen.durationMs)}</span>`,
    ],
    [
      'Instances',
      html`${counted(serving, 'serving', 'serving')}${rest.map(([phase, count]) => html`, ${number(count)} ${phase}`)}`,
    ],
    ['Pending', html`${pending.steps === 0 ? 'nothing' : counted(pending.steps, 'step')}`],
    ['HAProxy', html`${seen.version} <span class="muted">config v${seen.configVersion}</span>`],
    ['Nomad', html`index ${seen.nomadIndex}`],
  ];
}

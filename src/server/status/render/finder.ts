import type { Page, Search } from '../model/search.js';
import { type HostState, hostStates } from '../model/types.js';
import { type Html, html } from './html.js';
import { linkTo } from './links.js';
import { counted, number, stateLabel } from './parts.js';

/** The search of a list, its filters and its pages. */
export interface Finder {
  readonly path: string;
  readonly search: Search;
  readonly counts: Readonly<Record<HostState, number>>;
  readonly page: Page<unknown>;
  /** `host` or `service`. */
  readonly what: string;
  readonly hint: string;
  /** If there are several. */
  readonly target?: string;
}

export function finder({ path, search, counts, page, what, hint, target }: Finder): Html {
  const { q, state } = search;
  const where = { q, ...(target === undefined ? {} : { target }) };
  const all = Object.values(counts).reduce((sum, count) => sum + count, 0);
  const shown = hostStates.filter((one) => counts[one] > 0 || one === state);
  const filter = (name: string, count: number, one?: HostState): Html =>
    html`<li>
      <a
        class="${one ?? 'all'}"
        href="${linkTo(path, { ...where, ...(one === undefined ? {} : { state: one }) })}"
        ${one === state && html` aria-current="true"`}
        >${name} <span class="count">${number(count)}</span></a
      >
    </li> `;
  return html`<div class="finder">
    <form role="search" action="${path}" method="get">
      <label for="q" class="hidden">Search ${what}s</label>
      <input
        id="q"
        name="q"
        type="search"
        value="${q}"
        placeholder="${hint}"
        autocomplete="off"
        spellcheck="false"
        maxlength="200"
      />
      ${state !== undefined && html`<input type="hidden" name="state" value="${state}" />`}
      ${target !== undefined && html`<input type="hidden" name="target" value="${target}" />`}
      <button type="submit">Search</button>
    </form>
    <nav aria-label="Filter by state">
      <ul class="filters">
        ${filter('All', all)}${shown.map((one) => filter(stateLabel(one), counts[one], one))}
      </ul>
    </nav>
    <p class="muted" id="matches">
      ${counted(page.total, what)}${(q !== '' || state !== undefined) && (page.total === 1 ? ' matches' : ' match')}
    </p>
  </div>`;
}

export function pager({ path, search, page: { page, pages }, target }: Finder): Html {
  if (pages <= 1) return html``;
  const { q, state } = search;
  const where = {
    q,
    ...(state === undefined ? {} : { state }),
    ...(target === undefined ? {} : { target }),
  };
  const link = (to: number, text: string, rel: string): Html =>
    to < 1 || to > pages
      ? html`<span class="off" aria-disabled="true">${text}</span>`
      : html`<a href="${linkTo(path, { ...where, page: to })}" rel="${rel}">${text}</a>`;
  return html`<nav aria-label="Result pages" class="pager">
    ${link(page - 1, '← Previous', 'prev')}
    <span>Page ${number(page)} of ${number(pages)}</span>
    ${link(page + 1, 'Next →', 'next')}
  </nav>`;
}

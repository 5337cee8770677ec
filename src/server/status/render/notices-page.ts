import type { Notice } from '../model/types.js';
import type { Page } from '../model/search.js';
import { type Html, html } from './html.js';
import { explainLink, linkTo, tabs } from './links.js';
import { counted, number } from './parts.js';

const titles: Readonly<Record<Notice['kind'], string>> = {
  failure: 'The last pass failed',
  problem: 'Your configuration blocks something',
  held: 'Removals held',
  degraded: 'Weaker than it could be',
  skipped: 'Skipped services',
  warning: 'Warnings',
};

export function noticesPage({ rows, total, page, pages }: Page<Notice>, target?: string): Html {
  if (total === 0) {
    return html`<h1>Notices</h1>
      <p class="nothing">Nothing to look at.</p>`;
  }
  const kinds = (Object.keys(titles) as Notice['kind'][]).filter((kind) =>
    rows.some((row) => row.kind === kind),
  );
  const link = (to: number, text: string): Html =>
    html`<a
      href="${linkTo(tabs.notices, { page: to, ...(target === undefined ? {} : { target }) })}"
      >${text}</a
    >`;
  return html`<h1 class="hidden">Notices</h1>
    ${kinds.map((kind) => section(kind, rows, target))}
    ${
      pages > 1 &&
      html`<nav aria-label="Result pages" class="pager">
        ${page > 1 && link(page - 1, '← Previous')}
        <span>Page ${number(page)} of ${number(pages)}, ${counted(total, 'notice')}</span>
        ${page < pages && link(page + 1, 'Next →')}
      </nav>`
    }`;
}

function section(kind: Notice['kind'], all: readonly Notice[], target?: string): Html {
  const rows = all.filter((row) => row.kind === kind);
  return html`<section aria-labelledby="${kind}-title" id="${kind}">
    <h2 id="${kind}-title">${titles[kind]}</h2>
    <ul class="notices">
      ${rows.map((row) => notice(row, target))}
    </ul>
  </section> `;
}

function notice({ level, code, subject, message, fix }: Notice, target?: string): Html {
  return html`<li class="${level === 'error' ? 'down' : 'degraded'}">
    <p>
      <span class="code">${code}</span
      >${subject !== undefined && html` <a href="${explainLink(subject, target)}">${subject}</a>`}
    </p>
    <p>${message}</p>
    ${fix !== undefined && html`<p class="fix"><strong>Fix:</strong> ${fix}</p>`}
  </li> `;
}

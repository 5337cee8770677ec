import { type Block, blocksOf, type Row } from '../../../explain/print.js';
import type { Explanation } from '../../../explain/types.js';
import { type Html, html } from './html.js';
import { explainLink, explainPath } from './links.js';

/** A service may have thousands of instances; the command shows them all. */
const maxRows = 100;

/** What `explain` prints, block by block, with the answer first. */
export function explainPage(
  query: string,
  explanation: Explanation | undefined,
  target?: string,
): Html {
  const blocks = explanation === undefined ? [] : blocksOf(explanation);
  return html`<h1 class="hidden">Explain</h1>
    <div class="finder">
      <form role="search" action="${explainPath}" method="get" data-typed="no">
        <label for="q" class="hidden">Host, host and path, service or backend to explain</label>
        <input
          id="q"
          name="q"
          type="search"
          value="${query}"
          placeholder="host/path, service or backend"
          autocomplete="off"
          spellcheck="false"
          maxlength="200"
        />
        ${target !== undefined && html`<input type="hidden" name="target" value="${target}" />`}
        <button type="submit">Explain</button>
      </form>
    </div>
    ${explanation !== undefined && answer(explanation)}
    ${explanation?.suggestions.map((name) => html`<p><a href="${explainLink(name, target)}">${name}</a></p>`)}
    ${blocks.filter(({ rows, heading }) => rows.length > 0 && heading !== similar).map(block)}`;
}

/** They are links, above. */
const similar = 'Similar names';

function answer({ answers, text }: Explanation): Html {
  return html`<p class="verdict ${answers ? 'answers' : 'down'}" id="answer">
    <strong>${text}</strong>
  </p>`;
}

function block({ heading, rows }: Block, at: number): Html {
  const columns = Math.max(...rows.map(({ cells }) => cells.length));
  const id = `block-${at}`;
  return html`<div class="block">
    <h2 id="${id}">${heading}</h2>
    <div class="scroll" tabindex="0" role="region" aria-labelledby="${id}">
      <table>
        <tbody>
          ${rows.slice(0, maxRows).map((row) => line(row, columns))}
        </tbody>
      </table>
    </div>
    ${rows.length > maxRows && html`<p class="muted">and ${rows.length - maxRows} more</p>`}
  </div>`;
}

const signs = { '+': 'add', '~': 'change', '-': 'remove', '!': 'remove' } as const;

/** The last cell takes what is left, as in the text. */
function line({ cells, sign }: Row, columns: number): Html {
  const last = cells.length - 1;
  const rest = columns - last;
  return html`<tr class="${sign === undefined ? '' : signs[sign]}">
    ${cells.map(
      (cell, at) => html`<td ${at === last && rest > 1 && html`colspan="${rest}"`}>${cell}</td> `,
    )}
  </tr> `;
}

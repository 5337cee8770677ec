import type { HostStatus } from '../model/types.js';
import { finder, type Finder, pager } from './finder.js';
import { type Html, html } from './html.js';
import { explainLink, linkTo, tabs } from './links.js';
import { anchor, badge } from './parts.js';

export function hostsPage(rows: readonly HostStatus[], find: Finder): Html {
  return html`<h1 class="hidden">Hosts</h1>
    ${finder(find)}
    ${rows.length === 0 ? html`<p class="nothing">No host matches.</p>` : table(rows, find.target)}
    ${pager(find)}`;
}

function table(rows: readonly HostStatus[], target: string | undefined): Html {
  return html`<table class="hosts">
    <thead>
      <tr>
        <th scope="col"><span class="word">State</span></th>
        <th scope="col">Host</th>
        <th scope="col">Service</th>
        <th scope="col" class="number">Up</th>
        <th scope="col" class="wide">Backend</th>
      </tr>
    </thead>
    <tbody id="rows">
      ${rows.map((row) => line(row, target))}
    </tbody>
  </table>`;
}

function line(row: HostStatus, target: string | undefined): Html {
  const { host, match, mode, frontends, state, reason, service, backend, up, wanted } = row;
  const kind = [
    ...(match === 'prefix' || match === 'regex' ? [match] : []),
    ...(mode === 'tcp' ? [`tcp, ${frontends.join(', ')}`] : []),
  ].join(' · ');
  const where = { q: service, ...(target === undefined ? {} : { target }) };
  return html`<tr id="${anchor('host', `${mode} ${match} ${host} ${service}`)}">
    <td>${badge(state)}</td>
    <th scope="row">
      <a href="${explainLink(match === 'any' ? service : host, target)}">${host}</a
      >${kind !== '' && html` <span class="muted">${kind}</span>`}${reason !== undefined && html`<p class="reason">${reason}</p>`}
    </th>
    <td><a href="${linkTo(tabs.services, where)}">${service}</a></td>
    <td class="number">${up}<span class="muted">/${wanted}</span></td>
    <td class="wide mono">${backend}</td>
  </tr> `;
}

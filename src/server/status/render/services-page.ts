import { shortId } from '../../../shared/short-id.js';
import type { InstanceStatus, ServiceStatus } from '../model/types.js';
import { finder, type Finder, pager } from './finder.js';
import { type Html, html } from './html.js';
import { explainLink } from './links.js';
import { anchor, badge, counted, phaseBadge } from './parts.js';

/** Shown of one service; a job may have thousands. */
const maxInstances = 50;
const maxHosts = 3;

export function servicesPage(rows: readonly ServiceStatus[], find: Finder): Html {
  const { q } = find.search;
  // Who searches for one wants its details.
  const isOpen = ({ service }: ServiceStatus): boolean =>
    service === q || (q !== '' && rows.length === 1);
  return html`<h1 class="hidden">Services</h1>
    ${finder(find)}
    ${
      rows.length === 0
        ? html`<p class="nothing">No service matches.</p>`
        : html`<div class="services" id="rows">
            ${rows.map((row) => card(row, isOpen(row), find.target))}
          </div>`
    }
    ${pager(find)}`;
}

function card(row: ServiceStatus, isOpen: boolean, target: string | undefined): Html {
  const { service, state, reason, up, wanted, check, hosts } = row;
  const more = hosts.length - maxHosts;
  return html`<details id="${anchor('service', service)}" ${isOpen && html` open`}>
    <summary>
      ${badge(state)}
      <span class="name">${service}</span>
      <span class="number">${up}<span class="muted">/${wanted} up</span></span>
      <span class="muted hosts-of"
        >${hosts.slice(0, maxHosts).join(', ')}${more > 0 && ` and ${more} more`}</span
      >
      ${reason !== undefined && html`<span class="reason">${reason}</span>`}
    </summary>
    <div class="more">
      <dl>
        ${[
          [
            'Backend',
            row.backend === undefined
              ? undefined
              : `${row.backend}${row.kind === 'custom' ? ' (yours)' : ''}`,
          ],
          ['Check', check],
          ['Jobs', row.jobs.join(', ')],
          ['Skipped', row.skipped?.code],
        ].map(
          ([name, value]) =>
            value !== undefined &&
            value !== '' &&
            html`<div>
              <dt>${name}</dt>
              <dd>${value}</dd>
            </div> `,
        )}
      </dl>
      ${
        row.warnings.length > 0 &&
        html`<ul class="warnings">
          ${row.warnings.slice(0, maxInstances).map((text) => html`<li>${text}</li>`)}
        </ul>`
      }
      ${instances(row)}
      <p><a href="${explainLink(service, target)}">Explain ${service}</a></p>
    </div>
  </details> `;
}

function instances({ service, instances: all }: ServiceStatus): Html {
  if (all.length === 0) return html`<p class="muted">No instance.</p>`;
  const more = all.length - maxInstances;
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Instances of ${service}">
      <table>
        <thead>
          <tr>
            <th scope="col">Phase</th>
            <th scope="col">Allocation</th>
            <th scope="col">Job</th>
            <th scope="col">Node</th>
            <th scope="col">Address</th>
            <th scope="col">Server</th>
            <th scope="col">HAProxy</th>
            <th scope="col" class="number">Weight</th>
          </tr>
        </thead>
        <tbody>
          ${all.slice(0, maxInstances).map(instanceLine)}
        </tbody>
      </table>
    </div>
    ${more > 0 && html`<p class="muted">and ${counted(more, 'more instance')}</p>`}`;
}

function instanceLine(one: InstanceStatus): Html {
  const { phase, allocation, job, version, canary, node, address, server, haproxy, weight } = one;
  return html`<tr>
    <td>${phaseBadge(phase)}</td>
    <th scope="row" class="mono" title="${allocation ?? one.id}">
      ${allocation === undefined ? one.id : shortId(allocation)}
    </th>
    <td>
      ${job}${version !== undefined && html` <span class="muted">v${version}</span>`}${canary === true && html` <span class="muted">canary</span>`}
    </td>
    <td>${node ?? '–'}</td>
    <td class="mono">${address === '' ? 'unresolved' : address}</td>
    <td class="mono">${server ?? '–'}</td>
    <td>${haproxy ?? 'not loaded'}</td>
    <td class="number">${weight}</td>
  </tr> `;
}

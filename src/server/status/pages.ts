import { setImmediate as turn } from 'node:timers/promises';
import { runInSlices } from '../../shared/slices.js';
import { visible } from '../../shared/text.js';
import { type Answer, type Asked, type Handler, json, type Pages } from '../http.js';
import { type Asset, readAssets } from './assets.js';
import { createEvents, type EventsOptions } from './events.js';
import { isAllowedHost } from './host-names.js';
import { statusOf } from './model/model.js';
import { findHosts, findServices, pageOf, type Page, type Search } from './model/search.js';
import { hostStates, type StatusModel, type TargetStatus } from './model/types.js';
import { eachText } from './render/clean.js';
import type { Finder } from './render/finder.js';
import { hostsPage } from './render/hosts-page.js';
import type { Html } from './render/html.js';
import { statusJson } from './render/json.js';
import { type Frame, page as wholePage } from './render/layout.js';
import { type Tab, tabs } from './render/links.js';
import { noticesPage } from './render/notices-page.js';
import { passesPage } from './render/passes-page.js';
import { servicesPage } from './render/services-page.js';
import type { StatusSource } from './source.js';

export interface StatusPagesOptions {
  readonly source: StatusSource;
  /** Applied to each text that is shown. */
  readonly redact: (text: string) => string;
  /** Host names that requests may use besides addresses, `localhost` and this machine's name. */
  readonly hostNames: readonly string[];
  readonly events?: Pick<EventsOptions, 'maxClients' | 'heartbeatMs'>;
}

/** Only what this server itself offers, no frames, and no way out for what it shows. */
const security = {
  'content-security-policy': [
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'",
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  ].join('; '),
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
} as const;

/** Whole documents of thousands of services that are written at the same time. */
const maxDocuments = 2;

/** The status page, its events and its JSON. Everything is computed when somebody asks. */
export function createStatusPages(options: StatusPagesOptions): Pages {
  const { source, redact, hostNames } = options;
  const clean = (text: string): string => visible(redact(text));
  const events = createEvents({ source, ...options.events });
  const assets = readAssets();
  const model = lastModel(source);
  let documents = 0;

  async function view(tab: Tab, { query }: Asked): Promise<Answer> {
    const version = source.version();
    const { targets, ...rest } = await model();
    const target = targets.find(({ name }) => name === query.get('target')) ?? targets[0];
    if (target === undefined) return json(404, { error: 'no target' });
    const content = tabContent(tab, target, query, targets.length > 1, clean);
    const { hosts, services, ...head } = target;
    const frame: Frame = {
      ...eachText({ model: rest, target: { ...head, passes: [] } }, clean),
      ...{ tab, version },
      totals: { hosts: hosts.length, services: services.length },
      targets: targets.map(({ name }) => name),
      assets: {
        style: assets.style.url,
        script: assets.script.url,
        icon: assets.icon.url,
      },
    };
    return { status: 200, type: 'text/html; charset=utf-8', body: wholePage(frame, tab, content) };
  }

  function stream({ headers, signal }: Asked): Answer {
    // A page of another site can't read the events, but could use up the clients.
    const site = headers['sec-fetch-site'];
    if (site !== undefined && site !== 'same-origin' && site !== 'none') {
      return json(403, { error: 'only for the status page itself' });
    }
    const answer = events.open(signal);
    if (answer !== undefined) return answer;
    return { ...json(503, { error: 'too many clients' }), headers: { 'retry-after': '30' } };
  }

  async function document({ signal }: Asked): Promise<Answer> {
    if (documents >= maxDocuments) {
      return { ...json(503, { error: 'busy' }), headers: { 'retry-after': '5' } };
    }
    documents++;
    signal.addEventListener('abort', () => documents--, { once: true });
    const pieces = statusJson(await model(), clean);
    return { status: 200, type: 'application/json', body: inSlices(pieces) };
  }

  const handlers: readonly (readonly [string, Handler])[] = [
    ...(Object.keys(tabs) as Tab[]).map(
      (tab) => [tabs[tab], (asked: Asked) => view(tab, asked)] as const,
    ),
    ['/events', stream],
    ['/status.json', document],
    ...Object.values(assets).map(
      (asset: Asset) => [pathOf(asset), () => assetAnswer(asset)] as const,
    ),
  ];
  return {
    handlers: new Map(handlers.map(([path, handler]) => [path, guarded(handler, hostNames)])),
    close: events.close,
  };
}

/** Only requests that name this server, and with the headers that every answer has. */
function guarded(handler: Handler, hostNames: readonly string[]): Handler {
  return async (asked) => {
    const { host } = asked.headers;
    const answer = isAllowedHost(host, hostNames)
      ? await handler(asked)
      : json(421, { error: `unknown host name: add it to http.host_names` });
    return { ...answer, headers: { ...security, ...answer.headers } };
  };
}

/** Made once for everybody who asks until the next change, and gone with it. */
function lastModel(source: StatusSource): () => Promise<StatusModel> {
  let made: { readonly of: string; readonly model: Promise<StatusModel> } | undefined;
  source.watch(() => (made = undefined));
  return async () => {
    const of = source.version();
    if (made?.of !== of) made = { of, model: runInSlices(statusOf(source.current())) };
    const model = await made.model;
    // Becomes false with time alone.
    return { ...model, ready: source.current().ready };
  };
}

function tabContent(
  tab: Tab,
  target: TargetStatus,
  query: URLSearchParams,
  isOneOfMany: boolean,
  clean: (text: string) => string,
): Html {
  const search = searchOf(query);
  const of = isOneOfMany ? { target: target.name } : {};
  const find = (page: Page<unknown>, part: Pick<Finder, 'what' | 'hint' | 'counts'>): Finder => ({
    ...{ path: tabs[tab], search, page },
    ...part,
    ...of,
  });
  switch (tab) {
    case 'hosts': {
      const found = findHosts(target.hosts, search);
      const hint = 'host, service or backend';
      const finder = find(found, { what: 'host', hint, counts: target.counts.hosts });
      return hostsPage(eachText(found.rows, clean), finder);
    }
    case 'services': {
      const found = findServices(target.services, search);
      const hint = 'service, job, allocation, address or host';
      const finder = find(found, { what: 'service', hint, counts: target.counts.services });
      return servicesPage(eachText(found.rows, clean), finder);
    }
    case 'passes':
      return passesPage(eachText(target.pending, clean), eachText(target.passes, clean));
    case 'notices': {
      const { rows, ...page } = pageOf(target.notices, search.page);
      return noticesPage({ ...page, rows: eachText(rows, clean) }, of.target);
    }
  }
}

/** What somebody searches for, in as far as it makes sense. */
function searchOf(query: URLSearchParams): Search {
  const state = hostStates.find((one) => one === query.get('state'));
  const page = Number(query.get('page') ?? 1);
  return {
    q: (query.get('q') ?? '').slice(0, 200),
    ...(state === undefined ? {} : { state }),
    page: Number.isSafeInteger(page) ? page : 1,
  };
}

const pieceBytes = 65_536;
const sliceMs = 20;

/** Joins small pieces, and lets the event loop turn between them. */
async function* inSlices(pieces: Iterable<string>): AsyncGenerator<string> {
  let text = '';
  let since = performance.now();
  for (const piece of pieces) {
    text += piece;
    if (text.length >= pieceBytes) {
      yield text;
      text = '';
    }
    if (performance.now() - since < sliceMs) continue;
    await turn();
    since = performance.now();
  }
  yield text;
}

function pathOf({ url }: Asset): string {
  return url.split('?', 1)[0] ?? '';
}

function assetAnswer({ type, text }: Asset): Answer {
  // Its URL changes with its content.
  const headers = { 'cache-control': 'public, max-age=31536000, immutable' };
  return { status: 200, type, body: text, headers };
}

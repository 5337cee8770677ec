import { setImmediate as turn } from 'node:timers/promises';
import { runInSlices } from '../../shared/slices.js';
import { explain } from '../../explain/explain.js';
import { visible } from '../../shared/text.js';
import { type Answer, type Asked, type Handler, json, named, type Pages } from '../http.js';
import { type Asset, readAssets } from './assets.js';
import { createEvents, type EventsOptions } from './events.js';
import { statusOf } from './model/model.js';
import { findHosts, findServices, pageOf, type Page, type Search } from './model/search.js';
import { hostStates, type StatusModel, type TargetStatus } from './model/types.js';
import { eachText } from './render/clean.js';
import { explainPage } from './render/explain-page.js';
import type { Finder } from './render/finder.js';
import { hostsPage } from './render/hosts-page.js';
import type { Html } from './render/html.js';
import { statusJson } from './render/json.js';
import { type Frame, page as wholePage } from './render/layout.js';
import { explainPath, type Tab, tabs } from './render/links.js';
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

  /** A page around what `content` makes of the target that is asked for. */
  async function view(
    title: string,
    { query }: Asked,
    content: (target: TargetStatus, of: { readonly target?: string }) => Html,
    tab?: Tab,
  ): Promise<Answer> {
    const version = source.version();
    const { targets, ...rest } = await model();
    const target = targets.find(({ name }) => name === query.get('target')) ?? targets[0];
    if (target === undefined) return json(404, { error: 'no target' });
    // The last slice of the model is one hold of the event loop, the page another.
    await turn();
    const inside = content(target, targets.length > 1 ? { target: target.name } : {});
    const { hosts, services, ...head } = target;
    const frame: Frame = {
      ...eachText({ model: rest, target: { ...head, passes: [], notices: [] } }, clean),
      ...{ version, ...(tab === undefined ? {} : { tab }) },
      totals: {
        ...{ hosts: hosts.length, services: services.length },
        notices: head.notices.length,
      },
      targets: targets.map(({ name }) => name),
      assets: {
        ...{ style: assets.style.url, script: assets.script.url },
        icon: assets.icon.url,
      },
    };
    return { status: 200, type: 'text/html; charset=utf-8', body: wholePage(frame, title, inside) };
  }

  function tabView(tab: Tab, asked: Asked): Promise<Answer> {
    const search = searchOf(asked.query);
    const content: Parameters<typeof view>[2] = (target, of) =>
      tabContent({ tab, target, search, of, clean });
    return view(tab, asked, content, tab);
  }

  function explainView(asked: Asked): Promise<Answer> {
    const query = (asked.query.get('q') ?? '').slice(0, maxQuery);
    return view('explain', asked, ({ name }, of) => {
      const { settings, targets } = source.current();
      const picture = targets.find((one) => one.name === name)?.picture;
      const isAsked = picture !== undefined && query.trim() !== '';
      const found = isAsked ? explain({ picture, settings, now: Date.now() }, query) : undefined;
      return explainPage(visible(query), eachText(found, clean), of.target);
    });
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
      (tab) => [tabs[tab], (asked: Asked) => tabView(tab, asked)] as const,
    ),
    [explainPath, explainView],
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
  const answerTo = named(handler, hostNames);
  return async (asked) => {
    const answer = await answerTo(asked);
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
    // Both change with time alone.
    const { ready, leader } = source.current();
    return { ...model, ready, ...(leader === undefined ? {} : { leader }) };
  };
}

interface TabContent {
  readonly tab: Tab;
  readonly target: TargetStatus;
  readonly search: Search;
  /** If there are several targets. */
  readonly of: { readonly target?: string };
  readonly clean: (text: string) => string;
}

function tabContent({ tab, target, search, of, clean }: TabContent): Html {
  const finder = (page: Page<unknown>, part: Pick<Finder, 'what' | 'hint' | 'counts'>): Finder => ({
    ...{ path: tabs[tab], search: { ...search, q: visible(search.q) }, page },
    ...part,
    ...of,
  });
  switch (tab) {
    case 'hosts': {
      const found = findHosts(target.hosts, search);
      const { hosts: counts } = target.counts;
      const find = finder(found, { what: 'host', hint: 'host, service or backend', counts });
      return hostsPage(eachText(found.rows, clean), find);
    }
    case 'services': {
      const found = findServices(target.services, search);
      const { services: counts } = target.counts;
      const find = finder(found, { what: 'service', hint: 'service, job, host, address', counts });
      return servicesPage(eachText(found.rows, clean), find);
    }
    case 'passes':
      return passesPage(eachText(target.pending, clean), eachText(target.passes, clean));
    case 'notices': {
      const { rows, ...page } = pageOf(target.notices, search.page);
      return noticesPage({ ...page, rows: eachText(rows, clean) }, of.target);
    }
  }
}

const maxQuery = 200;

/** What somebody searches for, in as far as it makes sense. */
function searchOf(query: URLSearchParams): Search {
  const state = hostStates.find((one) => one === query.get('state'));
  const page = Number(query.get('page') ?? 1);
  return {
    q: (query.get('q') ?? '').slice(0, maxQuery),
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

import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';

import { expect } from 'chai';
import type { AxeResults } from 'axe-core';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { Registry } from 'prom-client';

import type { App } from '../../../fixtures/apps/app.js';
import { chromiumBin } from '../../../fixtures/browser.js';
import { freePort } from '../../../fixtures/ports.js';
import { domainOf, enabledTags, type Stack, startStack } from '../../../fixtures/stack.js';
import type { Leadership } from '../../../src/leader/office.js';
import { type HttpServer, startHttpServer } from '../../../src/server/http.js';
import { createStatusPages } from '../../../src/server/status/pages.js';
import { createStatusSource } from '../../../src/server/status/source.js';
import { settings } from '../../desired/given.js';
import { something } from '../../pass/given-picture.js';
import { cluster } from './given.js';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Ignored by git, for people to look at. */
const shots = resolve('coverage/screenshots');

const schemes = ['light', 'dark'] as const;
const widths = { wide: 1280, narrow: 390 } as const;
const paths = ['/', '/services', '/passes', '/notices'] as const;
const allPaths = [...paths, '/services?q=billing-3', '/?q=nowhere'];

describe('the status page in Chromium', function () {
  this.timeout(180_000);
  const executablePath = chromiumBin();
  let browser: Browser;

  before(async function () {
    if (executablePath === undefined) {
      process.stderr.write(
        'SKIPPED: the status page in a browser: no /usr/bin/chromium, set CHROMIUM_BIN\n',
      );
      return this.skip();
    }
    browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
  });
  after(() => browser?.close());

  /** Fails the test for each error that the browser reports, such as a breach of the policy. */
  async function withPage<T>(
    options: BrowserContextOptions,
    use: (page: Page) => Promise<T>,
  ): Promise<T> {
    const context = await browser.newContext({
      viewport: { width: 1280, height: 800 },
      ...options,
    });
    try {
      const page = await context.newPage();
      const errors: string[] = [];
      page.on('console', (message) => {
        if (message.type() === 'error') errors.push(message.text());
      });
      page.on('pageerror', ({ message }) => errors.push(message));
      const result = await use(page);
      expect(errors).to.deep.equal([]);
      return result;
    } finally {
      await context.close();
    }
  }

  /** The browser's debugger isn't bound by the page's policy. */
  async function violationsOn(page: Page): Promise<readonly string[]> {
    await page.evaluate(axe);
    const { violations } = await page.evaluate<AxeResults>('axe.run()');
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join('; ')}`);
  }

  async function shoot(page: Page, name: string): Promise<void> {
    mkdirSync(shots, { recursive: true });
    await page.screenshot({ path: join(shots, `${name}.png`) });
  }

  for (const services of [10, 5000]) {
    describe(`with ${services} services`, () => {
      let server: HttpServer;
      let base: string;

      before(async () => {
        const source = createStatusSource({
          ...{ version: '1.2.3', settings, targets: ['default'] },
          ready: () => ({ ok: true }),
        });
        const plan = { plan: something, steps: something.steps, reloads: ['new-backend'] } as const;
        const degraded = [
          { code: 'no-hard-stop-after', message: 'global has no hard-stop-after' },
        ] as const;
        const now = Date.now();
        const times = { startedAt: now - 250, endedAt: now, phases: { observe: 20, apply: 200 } };
        source.succeeded({ ...cluster(services), ...plan, degraded, times });
        const condition = () => ({ ok: true });
        server = await startHttpServer({
          ...{ host: '127.0.0.1', port: 0, redact: String, registry: new Registry() },
          status: { alive: condition, ready: condition },
          pages: createStatusPages({ source, redact: String, hostNames: [] }),
        });
        base = `http://127.0.0.1:${server.port}`;
      });
      after(() => server?.close());

      for (const colorScheme of schemes) {
        it(`is accessible in ${colorScheme}, on wide and narrow screens`, async () => {
          for (const [size, width] of Object.entries(widths)) {
            await withPage({ colorScheme, viewport: { width, height: 800 } }, async (page) => {
              for (const path of services > 10 ? paths.slice(0, 2) : allPaths) {
                await page.goto(base + path);
                await page.getByText('live', { exact: true }).waitFor();
                expect(await violationsOn(page), `${path} ${size}`).to.deep.equal([]);
                const overflow = await page.evaluate(
                  'document.documentElement.scrollWidth - innerWidth',
                );
                expect(overflow, `${path} ${size} is too wide`).to.be.at.most(0);
                const name = path === '/' ? 'hosts' : path.replace(/\W+/g, '-').slice(1);
                await shoot(page, `${name}-${services}-${size}-${colorScheme}`);
              }
            });
          }
        });
      }

      it('can be read without a script', () =>
        withPage({ javaScriptEnabled: false }, async (page) => {
          await page.goto(base);
          await page.getByLabel('Search hosts').fill('billing-3.');
          await page.getByRole('button', { name: 'Search' }).click();
          await page.getByRole('row', { name: /billing-3\.example\.com/ }).waitFor();
          expect(await page.locator('tbody tr').count()).to.equal(1);
          await page.getByRole('link', { name: 'default/billing-3' }).click();
          await page.getByRole('cell', { name: '10.0.0.1:20001' }).waitFor();
          await page.getByRole('link', { name: 'Explain default/billing-3' }).click();
          await page.locator('#answer').waitFor();
        }));

      it('works with the keyboard alone', () =>
        withPage({}, async (page) => {
          await page.goto(base);
          await page.keyboard.press('Tab');
          const skip = page.getByRole('link', { name: 'Skip to content' });
          expect(await skip.evaluate('document.activeElement.className')).to.equal('skip');
          expect((await skip.boundingBox())?.y).to.be.at.least(0);
          await page.keyboard.press('Enter');
          expect(await page.evaluate('document.activeElement.id')).to.equal('content');
          await page.keyboard.press('/');
          expect(await page.evaluate('document.activeElement.id')).to.equal('q');
          await page.keyboard.type('events-7.');
          await page.getByText('1 host match').waitFor();
          expect(page.url()).to.contain('?q=events-7.');
          expect(await page.evaluate('document.activeElement.id')).to.equal('q');
          await page.keyboard.press('Escape');
          await page.goto(`${base}/services`);
          const summary = page.locator('summary').first();
          await summary.focus();
          await page.keyboard.press('Enter');
          await page.getByRole('table').first().waitFor();
          const outline = await summary.evaluate(
            'getComputedStyle(document.activeElement).outlineStyle',
          );
          expect(outline).to.equal('solid');
        }));
    });
  }

  describe('with several HAProxies and a lock', () => {
    let server: HttpServer;
    let base: string;
    let leadership: Leadership = {
      lock: 'connector/leader',
      leads: true,
      holder: 'one/1',
      term: 7,
    };

    before(async () => {
      const source = createStatusSource({
        ...{ version: '1.2.3', settings, targets: ['edge-1', 'edge-2', 'edge-3'] },
        ready: () => ({ ok: false, reason: 'edge-2 and edge-3 are not in sync' }),
        leadership: () => leadership,
      });
      const older = cluster(10);
      const newer = cluster(11);
      const catalog = { ...newer.catalog, index: older.catalog.index + 1 };
      const turn = { afterMs: 290_000, rollout: { for: ['edge-1'], services: ['default/shop-0'] } };
      const rest = { ...older.rest, ...something, gathering: turn, kept: something.steps };
      source.succeeded({ ...newer, catalog, target: 'edge-1' });
      source.succeeded({ ...older, rest, target: 'edge-2' });
      source.succeeded({ ...older, target: 'edge-3' });
      const condition = () => ({ ok: true });
      server = await startHttpServer({
        ...{ host: '127.0.0.1', port: 0, redact: String, registry: new Registry() },
        status: { alive: condition, ready: condition },
        pages: createStatusPages({ source, redact: String, hostNames: [] }),
      });
      base = `http://127.0.0.1:${server.port}`;
    });
    after(() => server?.close());

    for (const colorScheme of schemes) {
      it(`says in ${colorScheme} who leads, which differ and what they wait for`, async () => {
        for (const [size, width] of Object.entries(widths)) {
          await withPage({ colorScheme, viewport: { width, height: 800 } }, async (page) => {
            for (const leads of [true, false]) {
              leadership = { ...leadership, leads, ...(!leads && { holder: 'nomad-2/4711' }) };
              await page.goto(`${base}/passes?target=edge-2`);
              await page.getByText('edge-2, edge-3').waitFor();
              await page.getByText('the time when edge-1 runs it').waitFor();
              await page.getByText(leads ? 'this connector' : 'this one stands by').waitFor();
              expect(await violationsOn(page), size).to.deep.equal([]);
              const overflow = await page.evaluate(
                'document.documentElement.scrollWidth - innerWidth',
              );
              expect(overflow, `${size} is too wide`).to.be.at.most(0);
              const role = leads ? 'leader' : 'standby';
              await shoot(page, `fleet-${role}-${size}-${colorScheme}`);
            }
          });
        }
      });
    }
  });

  describe('of the program, with HAProxy and Nomad beside it', () => {
    let stack: Stack;
    let base: string;
    let app: App;

    before(async function () {
      this.timeout(300_000);
      stack = await startStack();
      const port = await freePort();
      base = `http://127.0.0.1:${port}`;
      app = await stack.app('app');
      stack.serve('web', [app]);
      await stack.spawnConnector(['--http-listen', `127.0.0.1:${port}`]);
      await stack.waitServed(domainOf('web'), [app]);
    });
    after(() => stack?.close());

    it('shows a change by itself, and leaves the reader where he was', () =>
      withPage({}, async (page) => {
        await page.goto(`${base}/services`);
        await page.getByText('live', { exact: true }).waitFor();
        const web = page.locator('details', { hasText: 'default/web' });
        await web.locator('summary').click();
        await web.locator('summary').focus();
        stack.serve('shop', [await stack.app('other')]);
        await page.locator('details', { hasText: 'default/shop' }).getByText('Answers').waitFor();
        expect(await web.evaluate('document.querySelector("[id$=web]").open')).to.equal(true);
        const focused = await page.evaluate('document.activeElement.textContent');
        expect(focused).to.contain('default/web');
      }));

    it('says what answers for a host, and why a service is skipped', () =>
      withPage({}, async (page) => {
        stack.serve('bad', [await stack.app('third')], {
          tags: [...enabledTags('bad'), 'haproxy.domain=<b>bad</b>'],
        });
        await page.goto(base);
        const row = page.getByRole('row', { name: /<b>bad<\/b>/ }).first();
        await row.getByText('Skipped').waitFor();
        for (const path of [...paths, '/explain?q=bad']) {
          await page.goto(base + path);
          expect(await violationsOn(page), path).to.deep.equal([]);
        }
        await page.goto(base);
        await page.getByRole('link', { name: domainOf('web') }).click();
        await page.locator('#answer.answers').waitFor();
        for (const colorScheme of schemes) {
          await page.emulateMedia({ colorScheme });
          expect(await violationsOn(page)).to.deep.equal([]);
          await shoot(page, `explain-wide-${colorScheme}`);
        }
        await page.setViewportSize({ width: widths.narrow, height: 800 });
        await shoot(page, 'explain-narrow-dark');
      }));
  });
});

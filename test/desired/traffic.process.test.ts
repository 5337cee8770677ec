import { type IncomingHttpHeaders, type Server, createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';

import { expect } from 'chai';

import { globalSection } from '../../fixtures/dataplane/config.js';
import { type DataPlane, startDataPlane } from '../../fixtures/dataplane/launch.js';
import { findHaproxy } from '../../fixtures/haproxy/find.js';
import { backendFor } from './given.js';
import { replaceBackends } from './on-haproxy.js';

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** What the app got, if the request came so far. */
  readonly got?: { readonly url: string; readonly headers: IncomingHttpHeaders };
}

/** What a request meets, with the tags on a real HAProxy. Routes are made elsewhere. */
describe('a dynamic backend on real HAProxy', function () {
  this.timeout(60_000);
  let plane: DataPlane;
  let app: Server;

  before(async () => {
    app = createServer((incoming, answer) => {
      answer.setHeader('Server', 'app');
      answer.end(JSON.stringify({ url: incoming.url, headers: incoming.headers }));
    });
    await new Promise<void>((resolve) => app.listen(0, '127.0.0.1', resolve));
    plane = await startDataPlane({
      haproxy: await findHaproxy(),
      haproxyConfig: (dirs, port) => `${globalSection(dirs)}
defaults
  mode http
  timeout connect 1s
  timeout client 5s
  timeout server 5s

frontend in
  bind 127.0.0.1:${port}
  use_backend %[req.hdr(x-backend)]
`,
    });
  });
  after(async () => {
    await plane.close();
    app.close();
  });

  async function given(
    ...tags: readonly string[]
  ): Promise<(path?: string, headers?: IncomingHttpHeaders) => Promise<Answer>> {
    const { name, section } = backendFor(tags);
    const { port } = app.address() as AddressInfo;
    await replaceBackends(plane, [{ name, section }], { address: '127.0.0.1', port });
    return (path = '/', headers = {}) =>
      ask(plane.frontendPort, path, { ...headers, 'x-backend': name });
  }

  it("tells the app the client's address", async () => {
    expect((await (await given())()).got?.headers['x-forwarded-for']).to.equal('127.0.0.1');
    const off = await given('forwarded-for=false');
    expect((await off()).got?.headers).to.not.have.property('x-forwarded-for');
  });

  it('cuts the path that it is told to', async () => {
    const send = await given('path=/api', 'path=/v1.0', 'path.strip=true');
    const urls = await Promise.all(
      ['/api/x?y=1', '/api', '/apix', '/v1.0/api/z'].map((path) => send(path)),
    );
    expect(urls.map(({ got }) => got?.url)).to.deep.equal(['/x?y=1', '/', '/apix', '/api/z']);
  });

  it('sets and takes away headers, word for word', async () => {
    const value = "it's 1 # { } | & ( ) [ ] < > , ; = ! ~ * + ? ^ `";
    const send = await given(
      `request-header.set=X-A: ${value}`,
      'request-header.set=X-If: if',
      'request-header.set=X-Gone:',
      `response-header.set=X-B: ${value.replaceAll("'", '')}`,
      'response-header.set=Server:',
    );
    const { got, headers } = await send('/', { 'x-gone': '1' });
    expect(got?.headers).to.deep.include({ 'x-a': value, 'x-if': 'if' });
    expect(got?.headers).to.not.have.property('x-gone');
    expect(headers['x-b']).to.equal(value.replaceAll("'", ''));
    expect(headers).to.not.have.property('server');
  });

  it('keeps a client on its server by a cookie', async () => {
    const { headers } = await (await given('cookie=SRV'))();
    expect(headers['set-cookie']?.[0]).to.match(/^SRV=[0-9a-f]{16}; path=\/; HttpOnly/);
  });

  it('lets in only whom it is told to', async () => {
    expect((await (await given('allow-list=10.0.0.0/8'))()).status).to.equal(403);
    expect((await (await given('allow-list=10.0.0.0/8,127.0.0.0/8'))()).status).to.equal(200);
  });

  it('refuses more requests than it is told to', async () => {
    const send = await given('rate-limit=2/m');
    const answers = [await send(), await send(), await send()];
    expect(answers.map(({ status }) => status)).to.deep.equal([200, 200, 429]);
  });

  it('redirects plain HTTP', async () => {
    const { status, headers } = await (await given('ssl-redirect=true'))('/x', { host: 'x.io' });
    expect([status, headers.location]).to.deep.equal([301, 'https://x.io/x']);
  });
});

function ask(port: number, path: string, headers: IncomingHttpHeaders): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ host: '127.0.0.1', port, path, headers }, (answer) => {
      let body = '';
      answer.on('data', (chunk: Buffer) => (body += chunk.toString()));
      answer.on('end', () => {
        const status = answer.statusCode ?? 0;
        const got = status === 200 ? { got: JSON.parse(body) as NonNullable<Answer['got']> } : {};
        resolve({ status, headers: answer.headers, ...got });
      });
    });
    outgoing.on('error', reject);
    outgoing.end();
  });
}

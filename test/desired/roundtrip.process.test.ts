import { expect } from 'chai';
import fc from 'fast-check';

import { withCanaryMap } from '../../src/desired/canary.js';
import { canonicalSection } from '../../src/haproxy/canonical.js';
import { withCheckMaps } from '../../src/desired/check-maps.js';
import type { DesiredBackend } from '../../src/desired/types.js';
import { type DataPlane, startDataPlane } from '../../fixtures/dataplane/launch.js';
import { findHaproxy } from '../../fixtures/haproxy/find.js';
import { acceptedTagList } from './arbitraries.js';
import {
  backendFor,
  checkSpec,
  desired,
  enabled,
  instance,
  onlyBackend,
  service,
} from './given.js';
import { readSection, replaceBackends } from './on-haproxy.js';

const firstSeed = Number(process.env['FC_SEED'] ?? 1);

/** A section that came back changed would be put right, with a reload, on every pass for ever. */
describe('a section that HAProxy accepted reads back as it was sent', function () {
  this.timeout(120_000);
  let plane: DataPlane;

  before(async () => {
    plane = await startDataPlane({ haproxy: await findHaproxy() });
  });
  after(() => plane.close());

  for (const [title, backend] of table()) {
    it(title, async () => {
      const files = { paths: '/dev/null', hosts: '/dev/null' };
      const sent = withCanaryMap(withCheckMaps(backend.section, files), '/dev/null');
      await replaceBackends(plane, [{ name: backend.name, section: sent }]);
      expect(await readSection(plane, backend.name)).to.deep.equal(canonicalSection(sent));
    });
  }
});

function table(): [string, DesiredBackend][] {
  const tagLists: readonly (readonly string[])[] = [
    [],
    ['domain=www.example.com', 'domain=*.example.com'],
    ['mode=tcp'],
    ['mode=tcp', 'load-balance=leastconn', 'timeout.server=1h', 'maxconn=10'],
    ['mode=tcp', 'allow-list=10.0.0.0/8', 'rate-limit=5/s', 'send-proxy=v2', 'server.ssl=true'],
    ...['roundrobin', 'leastconn', 'random', 'first', 'source', 'uri', 'hdr(X-User)'].map(
      (algorithm) => [`load-balance=${algorithm}`],
    ),
    ['domain=a.example.com', 'path=/api', 'path=/v1.0/x~y', 'path.strip=true'],
    ['cookie=SRV'],
    ['canary.header=X-Canary'],
    ['canary.header=X-Canary:always', 'request-header.set=X-A: map(<canaries>)'],
    ['maxconn=20'],
    ['timeout.server=90s', 'timeout.connect=1500ms', 'timeout.queue=1m', 'timeout.tunnel=24h'],
    ['server.ssl=true'],
    ['server.ssl=true', 'server.ssl.verify=true', 'server.proto=h2'],
    ['server.proto=h2'],
    ['send-proxy=true'],
    ['send-proxy=v2'],
    ['forwarded-for=false'],
    ['ssl-redirect=true'],
    ['request-header.set=X-A: b', 'request-header.set=X-B: it\'s "not"'.replaceAll('"', '`')],
    [
      'response-header.set=Strict-Transport-Security: max-age=1; includeSubDomains',
      'response-header.set=Server:',
    ],
    [
      'request-header.set=X-A: if',
      'request-header.set=X-B: unless # { } | & ( ) [ ] < > , ; = ! ~ * + ? ^',
    ],
    ["response-header.set=Content-Security-Policy: default-src 'self' https://x.example.com"],
    [
      `allow-list=${Array.from({ length: 100 }, (_, n) => `10.0.${n}.0/24`).join(',')}`,
      'allow-list=::1,2001:db8::/32',
    ],
    ['rate-limit=100/s'],
    ['rate-limit=1000000/24h', 'allow-list=10.0.0.1'],
    ['check.disabled=true'],
    [
      'check.type=tcp',
      'check.interval=500ms',
      'check.timeout=2500ms',
      'check.rise=2',
      'check.fall=5',
    ],
    [
      'check.path=/health?a=1&b=%20(x),y;z=*!',
      'check.host=web.example.com:8080',
      'check.method=HEAD',
    ],
    ['check.type=https', 'check.expect=200-299,301', 'check.port=9000'],
    ['check.path=/', 'check.expect=string:status: ok'],
    ['check.path=/', 'check.expect=string:ok'],
    ['check.type=grpc'],
    ['check.type=grpc', 'server.ssl=true', 'server.proto=h2'],
    ['check.type=http', 'server.ssl=true', 'send-proxy=v1'],
  ];
  return [
    ...tagLists.map((tags): [string, DesiredBackend] => [
      tags.length === 0 ? 'no tags' : tags.join(' ').slice(0, 100),
      backendFor(tags),
    ]),
    ...fromSpecs(),
  ];
}

function fromSpecs(): [string, DesiredBackend][] {
  const headers = { Host: ['web.internal'], 'X-Probe': ["it's", 'a b # c; {d}'], Accept: ['*/*'] };
  const spec = checkSpec('http', { path: '/health', method: 'post', headers, protocol: 'https' });
  const versions = ['/old', '/new'].map((path) =>
    instance({
      tags: enabled(),
      checks: [checkSpec('http', { path, headers: { Host: [path.slice(1)] } })],
    }),
  );
  return [
    ['an http check of the job spec with headers', backendFor([], [spec])],
    ['a tcp check of the job spec', backendFor([], [checkSpec('tcp')])],
    ['a grpc check of the job spec', backendFor([], [checkSpec('grpc', { grpcService: 'a.B' })])],
    [
      'versions with different paths and hosts',
      onlyBackend(desired([service('web', { instances: versions })])),
    ],
  ];
}

/** How many generated services; each of them costs some milliseconds. */
const generatedCount = 150;

describe('sections made from generated tags', function () {
  this.timeout(120_000);
  let plane: DataPlane;

  before(async () => {
    plane = await startDataPlane({ haproxy: await findHaproxy() });
  });
  after(() => plane.close());

  it('are accepted by HAProxy and read back as they were sent', async () => {
    const lists = fc.sample(acceptedTagList, { seed: firstSeed, numRuns: generatedCount });
    const services = lists.map((tags, number) =>
      service(`s${number}`, { instances: [instance({ tags: enabled(...tags) })] }),
    );
    const { backends } = desired(services);
    const dynamic = backends
      .filter(({ kind }) => kind === 'dynamic')
      .map(({ name, section }) => ({ name, section: withCanaryMap(section, '/dev/null') }));
    expect(dynamic.length).to.be.above(generatedCount / 2);
    await replaceBackends(plane, dynamic);
    for (const { name, section } of dynamic) {
      expect(await readSection(plane, name), name).to.deep.equal(section);
    }
  });
});

/** HAProxy, the Data Plane API, Nomad and the connector, each a container, with docker/'s files. */

import { resolve } from 'node:path';

import { GenericContainer, type StartedTestContainer, Wait } from 'testcontainers';

import { labels, runId } from './cleanup.js';
import { type Ready, needImage } from './engine.js';
import { nomadImage } from './images.js';

const files = resolve(import.meta.dirname, '..', 'docker');
const credentials = { username: 'admin', password: 'demo-password' } as const;

/** As docker/connector.yaml says, by environment: nothing can be copied to a read-only disk. */
export const connectorEnvironment: Readonly<Record<string, string>> = {
  NOMAD_ADDR: 'http://nomad:4646',
  HAPROXY_DATAPLANE_URL: 'http://dataplane:5555',
  HAPROXY_USERNAME: credentials.username,
  HAPROXY_PASSWORD: credentials.password,
  HAPROXY_FRONTEND: 'public',
};

export const authorization = `Basic ${Buffer.from(`${credentials.username}:${credentials.password}`).toString('base64')}`;

export interface Containers {
  readonly network: string;
  readonly haproxy: StartedTestContainer;
  readonly dataPlane: StartedTestContainer;
  readonly nomad: StartedTestContainer;
  startConnector(): Promise<StartedTestContainer>;
}

export async function startContainers(
  { engine, connectorImage }: Ready,
  haproxyImage: string,
): Promise<Containers> {
  await needImage(engine, haproxyImage);
  const { dockerode } = engine.container;
  const name = `hnc-e2e-${runId}-${haproxyImage.replaceAll(/[^a-z0-9.]+/gi, '-')}`;
  await dockerode.createNetwork({ Name: name, Labels: labels });
  await dockerode.createVolume({ Name: name, Labels: labels });
  const nomad = startNomad(name);
  const haproxy = await startHaproxy(haproxyImage, name);
  return {
    network: name,
    haproxy,
    dataPlane: await startDataPlane(haproxyImage, name),
    nomad: await nomad,
    startConnector: () => startConnector(connectorImage, name),
  };
}

/** Nothing but what GenericContainer has no method for. */
class Container extends GenericContainer {
  /** On this one network, by that name: `withNetworkAliases` would add the default one. */
  as(alias: string, network: string): this {
    this.createOpts.NetworkingConfig = { EndpointsConfig: { [network]: { Aliases: [alias] } } };
    return this.withNetworkMode(network).withLabels({ ...labels });
  }

  withInit(): this {
    this.hostConfig.Init = true;
    return this;
  }

  withReadOnlyDisk(): this {
    this.hostConfig.ReadonlyRootfs = true;
    return this;
  }
}

function startHaproxy(image: string, network: string): Promise<StartedTestContainer> {
  return new Container(image)
    .as('haproxy', network)
    .withCopyDirectoriesToContainer([{ source: files, target: '/demo' }])
    .withBindMounts([{ source: network, target: '/srv/haproxy' }])
    .withCommand(['sh', '/demo/start-haproxy.sh'])
    .withExposedPorts(8000)
    .withWaitStrategy(Wait.forHttp('/operator', 8000))
    .start();
}

function startDataPlane(image: string, network: string): Promise<StartedTestContainer> {
  const { username, password } = credentials;
  const info = '/v3/services/haproxy/runtime/info';
  return new Container(image)
    .as('dataplane', network)
    .withBindMounts([{ source: network, target: '/srv/haproxy' }])
    .withCommand(['dataplaneapi', '-f', '/srv/haproxy/dataplaneapi.yaml'])
    .withExposedPorts(5555)
    .withWaitStrategy(Wait.forHttp(info, 5555).withBasicCredentials(username, password))
    .start();
}

/** Without root it needs no cgroups of its own. */
function startNomad(network: string): Promise<StartedTestContainer> {
  return new Container(nomadImage)
    .as('nomad', network)
    .withInit()
    .withUser('65534:65534')
    .withEnvironment({ NOMAD_SKIP_DOCKER_IMAGE_WARN: 'true' })
    .withCopyDirectoriesToContainer([{ source: files, target: '/demo' }])
    .withCommand(['agent', '-dev', '-config=/demo/nomad.hcl'])
    .withExposedPorts(4646)
    .withWaitStrategy(Wait.forSuccessfulCommand('nomad node status | grep -q " ready$"'))
    .start();
}

function startConnector(image: string, network: string): Promise<StartedTestContainer> {
  return new Container(image)
    .as('connector', network)
    .withReadOnlyDisk()
    .withDroppedCapabilities('ALL')
    .withSecurityOpt('no-new-privileges')
    .withEnvironment({ ...connectorEnvironment })
    .withCommand(['--http-listen', ':8080'])
    .withExposedPorts(8080)
    .withWaitStrategy(Wait.forHttp('/readyz', 8080))
    .start();
}

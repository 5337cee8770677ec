import type { ActualBackend } from '../../../src/actual/types.js';
import type { DesiredBackend, DesiredRoute, Skipped } from '../../../src/desired/types.js';
import type { CatalogService } from '../../../src/observe/types.js';
import type { Picture } from '../../../src/pass/picture.js';
import { runThrough } from '../../../src/shared/slices.js';
import type { StatusInput, TargetInput } from '../../../src/server/status/model/input.js';
import { statusOf } from '../../../src/server/status/model/model.js';
import type { StatusModel, TargetStatus } from '../../../src/server/status/model/types.js';
import { catalogOf, enabled, instance, service, settings } from '../../desired/given.js';
import {
  actualBackend,
  actualState,
  backend,
  desiredState,
  endpoint,
  planFor,
  route,
  slot,
} from '../../diff/given.js';
import { picture, times } from '../../pass/given-picture.js';

export function input(target: Partial<TargetInput>, more: Partial<StatusInput> = {}): StatusInput {
  return {
    version: '1.2.3',
    startedAt: 0,
    ready: { ok: true },
    settings,
    targets: [{ name: 'default', passes: [], ...target }],
    ...more,
  };
}

export function model(given: StatusInput): StatusModel {
  return runThrough(statusOf(given));
}

/** Of one target. */
export function statusFor(given: Partial<Picture>, more: Partial<TargetInput> = {}): TargetStatus {
  const [target] = model(input({ picture: picture(given), ...more })).targets;
  if (target === undefined) throw new Error('there is no target');
  return target;
}

/** The parts of one service in a picture. */
export interface GivenService {
  readonly desired: DesiredBackend;
  readonly actual: ActualBackend;
  readonly routes: readonly DesiredRoute[];
  readonly catalog: CatalogService;
}

/** Of any name, of any length. */
function allocOf(name: string): string {
  const hex = Buffer.from(name).toString('hex').slice(-12).padStart(12, '0');
  return `${hex.slice(-8)}-0000-4000-8000-${hex}`;
}

function idOf(name: string): string {
  return `_nomad-task-${allocOf(name)}-group-web-web-http`;
}

type Health = 'up' | 'down' | 'drain';

/** A service with an instance for each of these. */
export function given(name: string, healths: readonly Health[] = ['up', 'up']): GivenService {
  const instances = healths.map((health, at) => ({
    name: `${at}${name.slice(-5)}`,
    health,
    port: 20_000 + at,
  }));
  return {
    desired: backend(name, {
      expected: healths.filter((one) => one !== 'drain').length,
      endpoints: instances.map((one) =>
        endpoint(one.name, {
          ...{ id: idOf(one.name), port: one.port },
          phase: one.health === 'drain' ? 'drain' : 'serve',
        }),
      ),
    }),
    actual: actualBackend(name, {
      slots: instances.map(({ name: id, health, port }, at) =>
        slot(`nomad_${name}_${at + 1}`, {
          service: `default/${name}`,
          binding: { id: idOf(id), createIndex: 100 },
          config: { address: '10.0.0.1', port, disabled: false, weight: 100 },
          runtime: {
            ...{ address: '10.0.0.1', port },
            admin: health === 'drain' ? 'drain' : 'ready',
            operational: health === 'down' ? 'down' : 'up',
          },
        }),
      ),
    }),
    routes: [
      route(`${name}.example.com`, { backend: `nomad_${name}`, service: `default/${name}` }),
    ],
    catalog: service(name, {
      instances: instances.map(({ name: id, port }) =>
        instance({
          ...{ id: idOf(id), allocId: allocOf(id), jobId: name, port },
          tags: enabled(`domain=${name}.example.com`),
        }),
      ),
    }),
  };
}

export function pictureOf(
  services: readonly GivenService[],
  skipped: readonly Skipped[] = [],
  unserved: readonly CatalogService[] = [],
): Picture {
  const desired = desiredState(
    services.map((one) => one.desired),
    services.flatMap((one) => one.routes),
    { skipped },
  );
  const actual = actualState(services.map((one) => one.actual));
  const empty = planFor(desiredState(), actualState());
  return picture({
    catalog: catalogOf(...services.map((one) => one.catalog), ...unserved),
    desired,
    actual,
    rest: { ...empty, skipped, waiting: [] },
    times,
  });
}

/** A cluster as it might be: mostly well, a few of everything else. */
export function cluster(count: number): Picture {
  const all = Array.from({ length: count }, (_, at) => {
    const name = `${words[at % words.length]}-${at}`;
    const healths: readonly Health[] =
      at % 1000 === 7 ? ['down', 'down'] : at % 97 === 3 ? ['up', 'down'] : ['up', 'up'];
    return given(name, at % 131 === 5 ? [...healths, 'drain'] : healths);
  });
  const skipped: readonly Skipped[] = [
    {
      service: 'default/mail',
      code: 'invalid-tag',
      reason:
        'job mail: tag haproxy.domain=mail_example.com: allowed: a host name like www.example.com: labels of letters, digits and dashes',
    },
  ];
  const tags = enabled('domain=mail_example.com');
  return pictureOf(all, skipped, [service('mail', { instances: [instance({ tags })] })]);
}

const words = ['shop', 'cart', 'search', 'billing', 'users', 'images', 'auth', 'events', 'docs'];

import { checkPlace, declaredPlace, type CheckPlace } from './check-place.js';
import type { WireResources } from '../../nomad/answers/shapes.js';
import { resolvePort } from './ports.js';
import type { CheckBlock, ServiceBlock } from './spec.js';
import type { CheckSpec } from '../../types.js';
import { resolveVariables, type Variables } from './variables.js';

/** The checks of an instance, with the ports of its allocation. */
export function instanceChecks(
  block: ServiceBlock,
  servicePort: number,
  resources: WireResources | undefined,
  variables: Variables,
): readonly CheckSpec[] {
  const service = resolveVariables(block.portLabel, variables);
  return block.checks.map((check) => {
    const label = resolveVariables(check.portLabel, variables);
    const place = checkPlace(block, check, { service, servicePort, check: label }, resources);
    return toCheckSpec(check, variables, place, servicePort);
  });
}

/** The checks as far as known without an allocation, which includes labels of static ports. */
export function declaredChecks(block: ServiceBlock): readonly CheckSpec[] {
  const { portLabel: label, staticPorts } = block;
  const servicePort = staticPorts[label] ?? resolvePort({ label, inside: false }, undefined) ?? 0;
  return block.checks.map((check) =>
    toCheckSpec(check, {}, declaredPlace(block, check), servicePort),
  );
}

function toCheckSpec(
  check: CheckBlock,
  variables: Variables,
  { port, elsewhere }: CheckPlace,
  servicePort: number,
): CheckSpec {
  const resolve = (text: string): string => resolveVariables(text, variables);
  return {
    name: resolve(check.name),
    type: check.type,
    ...(check.path === undefined ? {} : { path: resolve(check.path) }),
    ...(check.method === undefined ? {} : { method: check.method }),
    ...(check.body === undefined ? {} : { body: resolve(check.body) }),
    headers: Object.fromEntries(
      Object.entries(check.headers).map(([name, values]) => [name, values.map(resolve)]),
    ),
    intervalMs: check.intervalMs,
    timeoutMs: check.timeoutMs,
    ...(port === undefined || port === servicePort ? {} : { port }),
    ...(elsewhere === undefined ? {} : { elsewhere }),
    ...(check.protocol === undefined ? {} : { protocol: check.protocol }),
    tlsSkipVerify: check.tlsSkipVerify,
    ...(check.grpcService === undefined ? {} : { grpcService: check.grpcService }),
  };
}

import type { WireResources } from '../../nomad/answers/shapes.js';
import { addressesInside, resolvePort } from './ports.js';
import type { CheckBlock, ServiceBlock } from './spec.js';
import type { CheckSpec } from '../../types.js';
import { resolveVariables, type Variables } from './variables.js';

/** The checks of an instance, with ports of its own allocation. */
export function instanceChecks(
  block: ServiceBlock,
  servicePort: number,
  resources: WireResources | undefined,
  variables: Variables,
): readonly CheckSpec[] {
  return block.checks.map((check) => {
    const query = {
      label: resolveVariables(check.portLabel, variables),
      ...(block.task === undefined ? {} : { task: block.task }),
      inside: addressesInside(block.addressMode),
    };
    return toCheckSpec(check, variables, resolvePort(query, resources), servicePort);
  });
}

/** The checks as far as they are known without an allocation: labels of static ports are. */
export function declaredChecks(block: ServiceBlock): readonly CheckSpec[] {
  const portOf = (label: string): number | undefined =>
    block.staticPorts[label] ?? resolvePort({ label, inside: false }, undefined);
  const servicePort = portOf(block.portLabel) ?? 0;
  return block.checks.map((check) => toCheckSpec(check, {}, portOf(check.portLabel), servicePort));
}

function toCheckSpec(
  check: CheckBlock,
  variables: Variables,
  port: number | undefined,
  servicePort: number,
): CheckSpec {
  const resolve = (text: string): string => resolveVariables(text, variables);
  return {
    name: resolve(check.name),
    type: check.type,
    ...(check.path === undefined ? {} : { path: resolve(check.path) }),
    ...(check.method === undefined ? {} : { method: check.method }),
    headers: Object.fromEntries(
      Object.entries(check.headers).map(([name, values]) => [name, values.map(resolve)]),
    ),
    intervalMs: check.intervalMs,
    timeoutMs: check.timeoutMs,
    ...(port === undefined || port === servicePort ? {} : { port }),
    ...(check.protocol === undefined ? {} : { protocol: check.protocol }),
    tlsSkipVerify: check.tlsSkipVerify,
    ...(check.grpcService === undefined ? {} : { grpcService: check.grpcService }),
  };
}

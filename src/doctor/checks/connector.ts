import { requireNoOther } from '../../actual/other-connectors.js';
import type { ActualState } from '../../actual/types.js';
import { openPolicy } from '../../config/policy.js';
import type { Settings } from '../../config/types.js';
import type { Picture } from '../../pass/picture.js';
import { asConnectorError } from '../../shared/errors.js';
import { fixes } from '../model/fixes.js';
import { check, error, type Finding, ok, orOk, warning } from '../types.js';

/** Before those that need a pass, which fails for it. */
export const otherCheck = check({
  id: 'other-connector',
  group: 'Connector',
  about: 'no other connector has this `ownership.prefix` or these maps on the same HAProxy',
  remedy:
    'its own `ownership.prefix` and `routing.map_name` ([Several connectors](operations.md#several-connectors-on-one-haproxy))',
  needs: ['settings', 'actual'],
  atStart: false,
  run: ({ settings, actual }) => judgeOthers(settings, actual),
});

export const connectorChecks = [
  check({
    id: 'policy',
    group: 'Connector',
    about: 'with several namespaces, the policy says who may route what',
    remedy: '`policy.mode: strict`, with an entry for each namespace ([Policy](policy.md))',
    needs: ['settings', 'picture'],
    atStart: false,
    run: ({ settings, picture }) => judgePolicy(settings, picture),
  }),
  check({
    id: 'services',
    group: 'Connector',
    about:
      'a pass would route all services: none is skipped, nothing is held, nothing is in its way',
    remedy: 'what the reason names; `haproxy-nomad-connector --dry-run` shows all of it',
    needs: ['picture'],
    atStart: false,
    run: ({ picture }) => judgePlan(picture),
  }),
];

function judgeOthers(settings: Settings, actual: ActualState): Finding {
  try {
    requireNoOther(actual, settings, false);
  } catch (cause) {
    const [says = '', advice = ''] = asConnectorError(cause).message.split(': nothing is changed.');
    const own = `ownership.prefix: ${settings.ownership.prefix}b_ and routing.map_name: ${settings.routing.mapName}_b`;
    return error(`${says}: nothing is changed`, `${own}, or any other that is free.${advice}`);
  }
  const prefixes = (actual.neighbours ?? []).map(({ prefix }) => prefix);
  if (prefixes.length === 0) return ok('none');
  return ok(`beside ownership.prefix ${prefixes.join(', ')}, which has maps of its own`);
}

function judgePolicy({ policy = openPolicy }: Settings, { plan }: Picture): Finding {
  const open = plan.warnings.find(({ code }) => code === 'namespaces-open');
  if (open === undefined) return ok(`policy.mode is ${policy.mode}`);
  const fix =
    'policy.mode: strict, and policy.namespaces with the domains of each (docs/policy.md)';
  return warning(open.message, fix);
}

const maxNamed = 5;

function judgePlan({ plan, desired }: Picture): readonly Finding[] {
  const { skipped, held, problems } = plan;
  const found: Finding[] = skipped
    .slice(0, maxNamed)
    .map(({ service, reason, code }) =>
      warning(
        `${service} is skipped: ${reason}`,
        `docs/operations.md, "Skipped services and warnings": ${code}`,
      ),
    );
  if (skipped.length > maxNamed) {
    const says = `${skipped.length - maxNamed} more services are skipped`;
    found.push(warning(says, 'haproxy-nomad-connector --dry-run shows them'));
  }
  if (held !== undefined) {
    const fix = 'check that nomad.address is the right cluster; then --once --allow-removals';
    found.push(warning(`removals are held: ${held.reason}`, fix));
  }
  for (const { code, message } of problems) {
    if (code === 'servers-short' || code === 'frontend-missing') continue;
    found.push(error(message, fixes[code]));
  }
  return orOk(found, `${desired.backends.length} with a backend, none skipped`);
}

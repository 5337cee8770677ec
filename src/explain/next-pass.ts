import type { Plan, Step } from '../diff/types.js';
import { changeLines, keptChanges } from '../diff/print/changes.js';
import { textAt } from '../shared/json.js';
import { own } from './own.js';
import type { NextPass, Seen, StateInHaproxy } from './types.js';

/** What the next pass would do about these backends and services. */
export function nextPass(
  backends: ReadonlySet<string>,
  services: ReadonlySet<string>,
  { picture }: Seen,
): NextPass {
  const { rest, actual } = picture;
  const concerns = (step: Step): boolean => {
    if ('backend' in step) return backends.has(step.backend);
    if ('value' in step && 'key' in step) {
      const before = own(own(actual.maps, step.map)?.entries, step.key);
      return backends.has(step.value) || (before !== undefined && backends.has(before));
    }
    return 'rule' in step && isRuleOf(step.rule, backends);
  };
  const steps = changeLines({ ...rest, steps: rest.steps.filter(concerns) });
  const held = heldOf(rest, backends, picture);
  return {
    steps,
    ...(held === undefined ? {} : { held }),
    kept: keptChanges((rest.kept ?? []).filter(concerns)),
    problems: problemsOf(rest, backends, services),
  };
}

function isRuleOf(
  rule: Extract<Step, { rule: unknown }>['rule'],
  backends: ReadonlySet<string>,
): boolean {
  return backends.has(textAt(rule, 'name'));
}

function heldOf(
  { held }: Plan,
  backends: ReadonlySet<string>,
  { actual }: Seen['picture'],
): string | undefined {
  if (held === undefined) return undefined;
  const ids = new Set(held.instances);
  const concerned =
    held.backends.some((name) => backends.has(name)) ||
    [...backends].some((name) =>
      own(actual.backends, name)?.slots.some(({ binding }) => ids.has(binding?.id ?? '')),
    );
  return concerned ? held.reason : undefined;
}

/** Those that name it, and those of the frontends, which concern everybody. */
function problemsOf(
  { problems }: Plan,
  backends: ReadonlySet<string>,
  services: ReadonlySet<string>,
): readonly string[] {
  const names = [...backends, ...services];
  return problems
    .filter(
      ({ code, message }) =>
        code === 'frontend-missing' || names.some((name) => message.includes(name)),
    )
    .map(({ message }) => message);
}

/** From the generation marker, which stands in HAProxy's configuration. */
export function stateInHaproxy({ picture }: Seen): StateInHaproxy {
  const { actual, catalog } = picture;
  const { onDisk, loaded, nomadIndex } = actual.marker;
  const generation = /_g(\d+)-[0-9a-f]{12}$/.exec(onDisk ?? '')?.[1];
  return {
    configVersion: actual.configVersion,
    ...(generation === undefined ? {} : { generation: Number(generation) }),
    loaded: onDisk === loaded,
    ...(nomadIndex === undefined ? {} : { nomadIndex }),
    catalogIndex: catalog.index,
  };
}

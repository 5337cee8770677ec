import { markerServerName } from '../../src/haproxy/ownership.js';
import type { ActualBackend, ActualSlot, ActualState } from '../../src/actual/types.js';
import { slotStates } from '../../src/apply/render/state-file.js';
import { plan as makePlan, type PlanInput } from '../../src/diff/plan/plan.js';
import type {
  EntryStep,
  OpenServer,
  Plan,
  PlannedSlot,
  RuleStep,
  SlotStep,
  TransactionStep,
  WriteMap,
} from '../../src/diff/types.js';
import { isEntryStep, isMapWrite, isOpening, type StepOf } from '../../src/diff/dispatch.js';
import type { JsonObject } from '../../src/shared/json.js';

/**
 * What HAProxy is like after a plan: a model of applying it, without I/O, as strict as the Data
 * Plane API. Making what is there already, or touching what is not there, throws.
 */
export function applyToModel(actual: ActualState, plan: Plan, prefix = 'nomad_'): ActualState {
  const missing = plan.steps.filter((step) => step.kind === 'create-map');
  if (missing.length > 0) {
    // The rest has to be planned again with the files' names.
    const made = missing.map(({ map }) => [map, { file: `/maps/${map}.map` }] as const);
    for (const [map] of made) must(actual.maps[map] === undefined, `map ${map} exists`);
    return { ...actual, maps: { ...actual.maps, ...Object.fromEntries(made) } };
  }
  const entries = plan.steps.filter(isEntryStep);
  const slots = plan.steps.filter((step) => step.route === 'no-reload');
  const structural = plan.steps.filter((step) => step.route === 'transaction');
  const opened = plan.steps.filter(isOpening).reduce(open, actual);
  let state = edit(writeFiles(opened, plan, 'first'), entries, 'first');
  state = slots.reduce(moveSlot, state);
  if (slots.length > 0) state = { ...state, configVersion: state.configVersion + 1 };
  if (structural.length > 0) {
    state = structural.reduce((before, step) => change(before, step, prefix), state);
    state = edit({ ...state, configVersion: state.configVersion + 1 }, entries, 'with-commit');
    state = reload(opened, state);
  }
  return writeFiles(edit(state, entries, 'last'), plan, 'last');
}

function writeFiles(actual: ActualState, { steps }: Plan, when: WriteMap['when']): ActualState {
  const files = steps.filter(isMapWrite).filter((step) => step.when === when);
  const written = files.map(({ map, entries: stored }) => [
    map,
    { file: `/maps/${map}.map`, ...actual.maps[map], stored },
  ]);
  const maps = Object.fromEntries(written) as ActualState['maps'];
  return { ...actual, maps: { ...actual.maps, ...maps } };
}

/** Gated servers pass their checks. */
export function settle(actual: ActualState): ActualState {
  return mapSlots(actual, (slot) =>
    slot.runtime?.admin === 'ready'
      ? { ...slot, runtime: { ...slot.runtime, operational: 'up' } }
      : slot,
  );
}

/** Names of slots that drain: in the model no request is ever in flight. */
export function idleSlots({ backends }: ActualState): Set<string> {
  const slots = Object.values(backends).flatMap((backend) => backend.slots);
  return new Set(slots.filter((slot) => slot.binding?.drainingSince).map(({ name }) => name));
}

/** Pass after pass until nothing is left to do. */
export function converge(input: PlanInput, maxPasses = 8): ActualState {
  let { actual, now } = input;
  for (let pass = 0; pass < maxPasses; pass++, now++) {
    const plan = makePlan({ ...input, actual, now, idle: idleSlots(actual) });
    if (plan.steps.length === 0) return actual;
    actual = settle(applyToModel(actual, plan, input.settings.ownership.prefix));
  }
  const rest = makePlan({ ...input, actual, now, idle: idleSlots(actual) }).steps;
  throw new Error(`never ends: ${JSON.stringify(rest)}`);
}

function must(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Error(`the Data Plane API would refuse it: ${what}`);
}

function mapSlots(actual: ActualState, map: (slot: ActualSlot) => ActualSlot): ActualState {
  const backends = Object.entries(actual.backends).map(([name, backend]) => [
    name,
    { ...backend, slots: backend.slots.map(map) },
  ]);
  return { ...actual, backends: Object.fromEntries(backends) as ActualState['backends'] };
}

function edit(
  actual: ActualState,
  steps: readonly EntryStep[],
  when: EntryStep['when'],
): ActualState {
  const chosen = steps.filter((step) => step.when === when);
  return chosen.reduce((state, step) => {
    const map = state.maps[step.map];
    must(map !== undefined, `no map ${step.map}`);
    must(when === 'with-commit' || map.entries !== undefined, `map ${step.map} is not loaded`);
    const entries: Record<string, string> = { ...map.entries };
    const there = Object.hasOwn(entries, step.key);
    must(there === (step.kind !== 'add-entry'), `${step.kind} ${step.key} in ${step.map}`);
    if (step.kind === 'delete-entry') delete entries[step.key];
    else entries[step.key] = step.value;
    // The file is always written together with the process.
    const both = { ...map, entries, stored: entries };
    return { ...state, maps: { ...state.maps, [step.map]: both } };
  }, actual);
}

function open(actual: ActualState, { server }: OpenServer): ActualState {
  return mapSlots(actual, (slot) => {
    if (slot.name !== server) return slot;
    must(slot.runtime?.admin === 'ready', `${server} is not ready`);
    return { ...slot, runtime: { ...slot.runtime, operational: 'up' } };
  });
}

function moveSlot(actual: ActualState, step: SlotStep): ActualState {
  const backend = actual.backends[step.backend];
  const old = backend?.slots.find(({ name }) => name === step.slot.name);
  must(backend !== undefined && old !== undefined, `no server ${step.slot.name}`);
  must(old.runtime !== undefined, `${old.name} is not loaded`);
  const { admin, config } = step.slot;
  const moved = admin === 'drain' ? old.runtime : { address: config.address, port: config.port };
  const up = old.runtime.operational === 'up' && !step.gated && admin !== 'maint';
  const runtime = {
    address: moved.address,
    port: moved.port,
    admin,
    operational: up || (admin === 'ready' && !step.gated) ? 'up' : 'down',
  } as const;
  const slot = { ...written(step.slot, old.fields), runtime };
  const slots = backend.slots.map((one) => (one.name === slot.name ? slot : one));
  return { ...actual, backends: { ...actual.backends, [backend.name]: { ...backend, slots } } };
}

function written({ name, service, binding, config }: PlannedSlot, fields: JsonObject): ActualSlot {
  return { name, service, ...(binding === undefined ? {} : { binding }), config, fields };
}

function change(actual: ActualState, step: TransactionStep, prefix: string): ActualState {
  switch (step.kind) {
    case 'create-backend':
    case 'replace-backend':
    case 'delete-backend':
      return { ...actual, backends: changeBackends(actual.backends, step) };
    case 'create-server':
    case 'replace-server':
    case 'delete-server':
      return { ...actual, backends: changeServers(actual.backends, step) };
    case 'insert-rule':
    case 'delete-rule':
      return changeRules(actual, step);
    case 'set-marker': {
      must(step.exists === (actual.marker.onDisk !== undefined), 'marker');
      const onDisk = markerServerName(prefix, actual.configVersion + 1, step.hash);
      return { ...actual, marker: { ...actual.marker, onDisk } };
    }
    case 'reload':
      return actual;
  }
}

function changeBackends(
  backends: ActualState['backends'],
  step: StepOf<'create-backend' | 'replace-backend' | 'delete-backend'>,
): ActualState['backends'] {
  const old = backends[step.backend];
  must((old === undefined) === (step.kind === 'create-backend'), `${step.kind} ${step.backend}`);
  must(old?.ours !== false, `${step.backend} is not ours`);
  if (step.kind === 'delete-backend') {
    return Object.fromEntries(Object.entries(backends).filter(([name]) => name !== step.backend));
  }
  const { backend: name, service, section, slots } = step;
  const mode = typeof section['mode'] === 'string' ? section['mode'] : 'http';
  const made: ActualBackend = {
    ...{ name, ours: true, service, section, mode },
    slots: slots.map((slot) => written(slot, {})),
    hasDefaultServer: section['default_server'] !== undefined,
  };
  return { ...backends, [name]: made };
}

function changeServers(
  backends: ActualState['backends'],
  step: StepOf<'create-server' | 'replace-server' | 'delete-server'>,
): ActualState['backends'] {
  const backend = backends[step.backend];
  const name = step.kind === 'delete-server' ? step.before.name : step.slot.name;
  const there = backend?.slots.some((slot) => slot.name === name) === true;
  must(backend !== undefined, `no backend ${step.backend}`);
  must(there === (step.kind !== 'create-server'), `${step.kind} ${name}`);
  const others = backend.slots.filter((slot) => slot.name !== name);
  const slots =
    step.kind === 'delete-server' ? others : [...others, written(step.slot, step.fields)];
  return { ...backends, [backend.name]: { ...backend, slots: slots.sort(bySlotNumber) } };
}

function bySlotNumber(a: ActualSlot, b: ActualSlot): number {
  return numberIn(a.name) - numberIn(b.name) || (a.name < b.name ? -1 : 1);
}

function numberIn(name: string): number {
  return Number(name.split('_').at(-1));
}

const listOf = {
  acls: 'acls',
  backend_switching_rules: 'rules',
  http_request_rules: 'httpRequestRules',
} as const;

function changeRules(actual: ActualState, step: RuleStep): ActualState {
  const frontend = actual.frontends[step.frontend];
  must(frontend !== undefined, `no frontend ${step.frontend}`);
  const list = [...frontend[listOf[step.list]]];
  if (step.kind === 'insert-rule') {
    must(step.index <= list.length, `rule ${step.index} of ${list.length}`);
    list.splice(step.index, 0, step.rule);
  } else {
    must(list[step.index] === step.rule, `another rule stands at ${step.index}`);
    list.splice(step.index, 1);
  }
  const edited = { ...frontend, [listOf[step.list]]: list };
  return { ...actual, frontends: { ...actual.frontends, [step.frontend]: edited } };
}

/** A new worker: the state file says who is UP, the configuration says all else. */
function reload(before: ActualState, onDisk: ActualState): ActualState {
  const planned = Object.values(onDisk.backends).map(({ name, section, slots }) => ({
    backend: name,
    section,
    slots,
  }));
  const states = slotStates(before.backends, planned);
  const up = new Set(states.filter((state) => state.up).map(({ slot }) => slot.name));
  const loaded = mapSlots(onDisk, (slot) => {
    const { address, port, disabled } = slot.config;
    const admin = disabled ? 'maint' : 'ready';
    const operational = !disabled && up.has(slot.name) ? 'up' : 'down';
    return { ...slot, runtime: { address, port, admin, operational } };
  });
  const { onDisk: marker } = onDisk.marker;
  return {
    ...loaded,
    marker: marker === undefined ? {} : { onDisk: marker, loaded: marker },
    maps: loadMaps(onDisk),
  };
}

/** HAProxy reads the files that its rules name, and no other. */
function loadMaps({ backends, maps, frontends }: ActualState): ActualState['maps'] {
  const sections = Object.values(backends).map(({ section }) => section);
  const text = JSON.stringify([frontends, sections]);
  const loaded = Object.entries(maps).map(([name, { file, entries, stored = {} }]) => [
    name,
    [`(${file})`, `(${file},`].some((named) => text.includes(named))
      ? { file, entries: entries ?? stored, stored }
      : { file, stored },
  ]);
  return Object.fromEntries(loaded) as ActualState['maps'];
}

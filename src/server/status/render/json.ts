import { plainJson } from '../../../shared/text.js';
import type { FailedPass, PassStatus, StatusModel, TargetStatus } from '../model/types.js';

/** Goes up when a field goes, or means something else. New fields don't change it. */
export const formatVersion = 1;

/** `/status.json` in pieces of one row, as docs/status.schema.json describes it. */
export function* statusJson(
  { version, startedAt, ready, leader, differs, targets }: StatusModel,
  clean: (text: string) => string,
): Generator<string> {
  const json = (value: unknown): string => plainJson(value, undefined, clean);
  yield `{"format_version":${formatVersion},"version":${json(version)},`;
  yield `"startedAt":${json(isoOf(startedAt))},"ready":${json(ready)},`;
  if (leader !== undefined) yield `"leader":${json(leader)},`;
  if (differs !== undefined) yield `"differs":${json(differs)},`;
  yield `"targets":[`;
  for (const [at, target] of targets.entries()) {
    if (at > 0) yield ',';
    yield* targetJson(target, json);
  }
  yield ']}\n';
}

function* targetJson(target: TargetStatus, json: (value: unknown) => string): Generator<string> {
  const { name, seen, failure, counts, pending, passes, notices, hosts, services } = target;
  const head = {
    name,
    ...(seen === undefined ? {} : { haproxy: { ...seen, at: isoOf(seen.at) } }),
    ...(failure === undefined ? {} : { failure: failureOf(failure) }),
    ...{ counts, pending },
    passes: passes.map(passOf),
  };
  yield json(head).slice(0, -1);
  yield* listJson('notices', notices, json);
  yield* listJson('hosts', hosts, json);
  yield* listJson('services', services, json);
  yield '}';
}

function* listJson(
  name: string,
  rows: readonly unknown[],
  json: (value: unknown) => string,
): Generator<string> {
  yield `,"${name}":[`;
  for (const [at, row] of rows.entries()) yield (at > 0 ? ',' : '') + json(row);
  yield ']';
}

function passOf(pass: PassStatus) {
  return { ...pass, at: isoOf(pass.at) };
}

function failureOf(failure: FailedPass) {
  return { ...failure, at: isoOf(failure.at) };
}

function isoOf(ms: number): string {
  return new Date(ms).toISOString();
}

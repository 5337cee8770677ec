import type { ActualState } from '../../actual/types.js';
import { type JsonObject, textAt } from '../../shared/json.js';
import { error, type Finding, type LoadedFact, ok, type SectionsFact, warning } from '../types.js';

const maxNamed = 3;

/** What the file has and the process lacks. The file may hold less: `listen` sections aren't told. */
export function judgeLoaded(
  actual: ActualState,
  { frontends, backends }: SectionsFact,
  loaded: LoadedFact,
): Finding {
  const inFile = [
    ...activeNames(frontends).map((name) => ['frontend', name] as const),
    ...activeNames(backends).map((name) => ['backend', name] as const),
  ];
  const has = { frontend: new Set(loaded.frontends), backend: new Set(loaded.backends) };
  const missing = inFile.filter(([kind, name]) => !has[kind].has(name));
  if (missing.length > 0 && missing.length === inFile.length) {
    return error(
      'HAProxy runs none of the sections in the file that the Data Plane API edits: it runs another file',
      'dataplaneapi.yaml, under haproxy: config_file: the file that HAProxy is started with (-f)',
    );
  }
  const servers = serversNotLoaded(actual);
  const isOld = actual.marker.onDisk !== undefined && actual.marker.loaded !== actual.marker.onDisk;
  const what = [...missing.map((words) => words.join(' ')), ...servers];
  if (what.length > 0 || isOld) {
    const named = what.slice(0, maxNamed).join(', ');
    const more = what.length > maxNamed ? ` and ${what.length - maxNamed} more` : '';
    const lacks = what.length === 0 ? 'the last change' : `${named}${more}`;
    return warning(
      `HAProxy runs an older configuration than the file: it lacks ${lacks}`,
      'systemctl reload haproxy (or SIGUSR2 to its master process)',
    );
  }
  return ok(`HAProxy runs the file (config v${actual.configVersion})`);
}

function activeNames(sections: readonly JsonObject[]): readonly string[] {
  const isOff = ({ disabled }: JsonObject): boolean => disabled === true || disabled === 'enabled';
  return sections.filter((one) => !isOff(one)).map((one) => textAt(one, 'name'));
}

function serversNotLoaded({ backends }: ActualState): readonly string[] {
  return Object.values(backends).flatMap(({ name, slots, others = [] }) =>
    [...slots, ...others]
      .filter(({ runtime }) => runtime === undefined)
      .map((server) => `server ${name}/${server.name}`),
  );
}

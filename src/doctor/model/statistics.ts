import type { DataPlaneResponse } from '../../actual/dataplane-client.js';
import { expectOk } from '../../actual/answers.js';
import { isObject, objectsOf, textAt } from '../../shared/json.js';

/** `GET /stats/native`: an object, or a list of them where the Data Plane API has several processes. */
export function statisticsNames(response: DataPlaneResponse): readonly string[] {
  const { body } = expectOk(response, 'read statistics');
  const groups = isObject(body) ? [body] : objectsOf(body);
  return groups.flatMap(({ stats }) => objectsOf(stats).map((one) => textAt(one, 'name')));
}

import { ConnectorError, type ErrorCode } from '../shared/errors.js';
import { isObject, type JsonObject, objectsOf, textAt } from '../shared/json.js';
import type { DataPlaneResponse } from './dataplane-client.js';
import { sectionWords } from '../haproxy/section-words.js';

/** `message` of the Data Plane API's error body, on one line. */
export function messageOf(response: DataPlaneResponse): string {
  const body = errorBody(response.body);
  const text = isObject(body) && typeof body['message'] === 'string' ? body['message'] : body;
  if (typeof text !== 'string') return '';
  return withoutNotices(text).replace(/\s+/g, ' ').trim().slice(0, 8000);
}

/** `POST /configuration/raw` answers text, which of an error is that of its JSON. */
function errorBody(body: unknown): unknown {
  if (typeof body !== 'string' || !body.startsWith('{')) return body;
  try {
    return JSON.parse(body) as unknown;
  } catch {
    return body;
  }
}

/** HAProxy's notices and warnings name innocent backends too. Only its alerts say what is wrong. */
function withoutNotices(text: string): string {
  return text.replace(/\[(NOTICE|WARNING)\][^\n]*(\n|$)/g, '');
}

/** Throws unless the status is 2xx. `what` names the action: `open transaction`. */
export function expectOk(response: DataPlaneResponse, what: string): DataPlaneResponse {
  if (response.status >= 200 && response.status < 300) return response;
  throw refusal(response, what);
}

/** Throws `haproxy-unsupported` where the Data Plane API has no such path: those of 2.x have no `/v3`. */
export function requireVersion3(response: DataPlaneResponse): DataPlaneResponse {
  const said = response.status === 404 ? messageOf(response) : '';
  const path = /^path (\/v3\S*) was not found$/.exec(said)?.[1];
  if (path === undefined) return response;
  throw new ConnectorError(
    'haproxy-unsupported',
    `the Data Plane API has no ${path}: install Data Plane API 3.0 or newer`,
  );
}

/**
 * The list in an answer; `null` is one without items. Anything else, like the page of a proxy, fails
 * the read: taken for an empty list, it would be a HAProxy without configuration.
 */
export function expectList(response: DataPlaneResponse, what: string): JsonObject[] {
  const { body } = expectOk(response, what);
  if (body === undefined) throw malformed(what, 'list');
  return listIn(body, what);
}

/** Like `expectList`, for items that are told apart by a text. */
export function expectNamed(response: DataPlaneResponse, what: string, key: string): JsonObject[] {
  const items = expectList(response, what);
  if (items.some((item) => textAt(item, key) === '')) throw malformed(what, `list (${key})`);
  return items;
}

/** A list of objects, or nothing; one item of another kind means that the rest isn't known either. */
export function listIn(body: unknown, what: string): JsonObject[] {
  if (body === null || body === undefined) return [];
  if (!Array.isArray(body) || !body.every(isObject)) throw malformed(what, 'list');
  return objectsOf(body);
}

export function expectObject(response: DataPlaneResponse, what: string): JsonObject {
  const { body } = expectOk(response, what);
  if (!isObject(body) || isError(body)) throw malformed(what, 'object');
  return body;
}

/** The body of an error, which some proxies send with a 200. */
function isError(body: JsonObject): boolean {
  return typeof body['code'] === 'number' && typeof body['message'] === 'string';
}

/** A file. JSON and web pages are answers of something else. */
export function expectText(response: DataPlaneResponse, what: string): string {
  const { body } = expectOk(response, what);
  if (typeof body !== 'string' || /^\s*<(!doctype|html|\?xml)/i.test(body)) {
    throw malformed(what, 'file');
  }
  return body;
}

/**
 * HAProxy's configuration. Whatever is taken for it is edited and written back, so it must look like
 * one: the Data Plane API's stamp, or a first line that begins a section.
 */
export function expectConfiguration(response: DataPlaneResponse, what: string): string {
  const text = expectText(response, what);
  // Comments, and directives such as `.if`.
  const first = /^[^\S\n]*([^#.\s]\S*)/m.exec(text)?.[1];
  const isOne = first === undefined ? /^# _version=\d/m.test(text) : sectionWords.has(first);
  if (!isOne) throw malformed(what, 'configuration');
  return text;
}

export function malformed(what: string, wanted: string): ConnectorError {
  return new ConnectorError('haproxy-failed', `${what}: the answer is not the ${wanted} asked for`);
}

/** A refusal as an error; the status alone decides, the body's `code` differs by version. */
export function refusal(response: DataPlaneResponse, what: string): ConnectorError {
  const { status } = response;
  const message = `${what}: HTTP ${status}: ${messageOf(response)}`;
  return new ConnectorError(codeOf(response), message);
}

/**
 * | status | text | means |
 * |---|---|---|
 * | 401, 403 | | credentials |
 * | 406, 409 | | another writer was faster |
 * | 400 | validation error | `haproxy -c` refused the configuration |
 * | 400 | Reload failed | HAProxy did not start with it |
 * | 500 | version or transaction | a commit raced a raw POST |
 */
function codeOf(response: DataPlaneResponse): ErrorCode {
  const { status } = response;
  const message = messageOf(response).toLowerCase();
  if (status === 401 || status === 403) return 'haproxy-refused';
  if (status === 406 || status === 409) return 'haproxy-conflict';
  if (message.includes('reload failed')) return 'haproxy-reload-failed';
  if (message.includes('validation error')) return 'haproxy-rejected';
  if (status === 422) return 'haproxy-rejected';
  if (status === 500 && /version|transaction/.test(message)) return 'haproxy-conflict';
  return 'haproxy-failed';
}

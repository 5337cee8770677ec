import type { JsonObject } from '../../shared/json.js';

/** The fields of a backend's section that define its health check. */
const sectionFields = [
  'adv_check',
  'httpchk_params',
  'http_check_list',
  'tcp_check_rule_list',
  'check_timeout',
  'external_check',
  'smtpchk_params',
  'mysql_check_params',
  'pgsql_check_params',
];

const serverFields = [
  'check',
  'inter',
  'fastinter',
  'downinter',
  'rise',
  'fall',
  'check-ssl',
  'check-sni',
  'check-send-proxy',
  'check_alpn',
];

/** `section` with the health check of `from`. */
export function checkFieldsOf(section: JsonObject, from: JsonObject): JsonObject {
  const { default_server: wanted, ...rest } = without(section, sectionFields);
  const server = {
    ...without(objectOf(wanted), serverFields),
    ...only(objectOf(from['default_server']), serverFields),
    ...verifyOf(objectOf(wanted), objectOf(from['default_server'])),
  };
  return { ...rest, ...only(from, sectionFields), default_server: server };
}

/** Belongs to the traffic if that is TLS, otherwise to the check. */
function verifyOf(wanted: JsonObject, from: JsonObject): JsonObject {
  return wanted['ssl'] === undefined && from['check-ssl'] === 'enabled'
    ? only(from, ['verify'])
    : {};
}

/** What each server must define if the section isn't ours. */
export function serverCheckOf(section: JsonObject): JsonObject {
  return only(objectOf(section['default_server']), serverFields);
}

function objectOf(value: unknown): JsonObject {
  return typeof value === 'object' && value !== null ? (value as JsonObject) : {};
}

function without(object: JsonObject, keys: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([key]) => !keys.includes(key)));
}

function only(object: JsonObject, keys: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([key]) => keys.includes(key)));
}

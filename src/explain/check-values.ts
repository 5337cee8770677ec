import { formatMs } from '../desired/check-section.js';
import type { DesiredBackend } from '../desired/types.js';
import { isObject, type Json, type JsonObject, objectsOf, textAt } from '../shared/json.js';
import { own } from './own.js';
import type { CheckExplained, CheckValue } from './types.js';

/** The check as HAProxy is to run it, and where each value came from. */
export function explainCheck(backend: DesiredBackend): CheckExplained {
  const values = backend.hasCheck ? valuesOf(backend) : {};
  return {
    summary: backend.checkSummary,
    values: Object.entries(values).flatMap(([name, value]): CheckValue[] => {
      const origin = own(backend.origins, name);
      return value === undefined || origin === undefined ? [] : [{ name, value, origin }];
    }),
  };
}

function valuesOf(backend: DesiredBackend): Readonly<Record<string, string | undefined>> {
  const { section, serverFields, endpoints } = backend;
  const servers = isObject(section['default_server'])
    ? { ...section['default_server'], ...serverFields }
    : serverFields;
  const ports = endpoints.map(({ port, checkPort = port }) => checkPort);
  return {
    'check.type': typeOf(backend, servers),
    ...requestValues(backend),
    'check.port': ports.length === 0 ? undefined : [...new Set(ports)].join(' or '),
    'check.interval': timeOf(servers['inter']),
    'check.timeout': timeOf(section['check_timeout']),
    'check.rise': numberOf(servers['rise']),
    'check.fall': numberOf(servers['fall']),
  };
}

function typeOf({ section, checkSummary }: DesiredBackend, servers: JsonObject) {
  const method = textAt(section, 'adv_check');
  if (method === 'httpchk') return servers['check-ssl'] === 'enabled' ? 'https' : 'http';
  if (checkSummary.startsWith('check grpc')) return 'grpc';
  return method === 'tcp-check' ? 'tcp' : undefined;
}

function requestValues({ section, checkPaths, checkHosts }: DesiredBackend) {
  const checks = objectsOf(section['http_check_list']);
  const send = checks.find(({ type }) => type === 'send');
  if (send === undefined) return {};
  const expect = checks.find(({ type }) => type === 'expect');
  const host = objectsOf(send['headers']).find(({ name }) => name === 'Host');
  return {
    'check.method': textAt(send, 'method'),
    'check.path': checkPaths === undefined ? textAt(send, 'uri') : anyOf(checkPaths),
    'check.host': checkHosts === undefined ? host && textAt(host, 'fmt') : anyOf(checkHosts),
    'check.expect': expect && `${textAt(expect, 'match')} ${textAt(expect, 'pattern')}`,
  };
}

function anyOf(values: Readonly<Record<string, string>>): string {
  return [...new Set(Object.values(values))].sort().join(' or ');
}

function timeOf(value: Json | undefined): string | undefined {
  return typeof value === 'number' ? formatMs(value) : undefined;
}

function numberOf(value: Json | undefined): string | undefined {
  return typeof value === 'number' ? String(value) : undefined;
}

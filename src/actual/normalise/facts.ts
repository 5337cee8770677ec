import type { HaproxyFacts, OperatorHost } from '../../haproxy/facts.js';
import { listenersIn } from '../../haproxy/listeners.js';
import type { HostMatch } from '../../haproxy/map-names.js';
import { connectorBackendName } from '../../haproxy/names.js';
import { type JsonObject, textAt } from '../../shared/json.js';
import type { ActualBackend, ActualFrontend, ActualState } from '../types.js';

/** What the desired state must know of the operator's part. */
export function factsOf(
  { frontends, backends, raw }: Pick<ActualState, 'frontends' | 'backends' | 'raw'>,
  { prefix, adopt }: { readonly prefix: string; readonly adopt: boolean },
): HaproxyFacts {
  const isOurs = (name: string): boolean =>
    name.startsWith(`${prefix}_acl_`) || (adopt && /^is_.+_[0-9a-f]{8}$/.test(name));
  const marker = connectorBackendName(prefix);
  const others = Object.values(backends).filter((one) => !one.ours && one.name !== marker);
  return {
    operatorHosts: Object.values(frontends).flatMap((one) => hostsNamedIn(one, isOurs)),
    operatorBackends: Object.fromEntries(others.map((one) => [one.name, highestWeight(one)])),
    served: [...new Set(Object.values(backends).flatMap(servicesOf))].sort(),
    joined: joinedBy(others),
    listeners: listenersIn(raw),
  };
}

function highestWeight({ others = [] }: ActualBackend): number {
  return Math.max(0, ...others.map(({ weight = 1 }) => weight));
}

function servicesOf({ ours, service, slots }: ActualBackend): readonly string[] {
  const own = ours && service !== undefined ? [service] : [];
  return [...own, ...slots.map((slot) => slot.service)];
}

function joinedBy(others: readonly ActualBackend[]): HaproxyFacts['joined'] {
  const joined = new Map<string, Set<string>>();
  for (const { name, slots } of others) {
    for (const { service } of slots) {
      joined.set(service, (joined.get(service) ?? new Set()).add(name));
    }
  }
  return Object.fromEntries([...joined].map(([service, names]) => [service, [...names]]));
}

/** The hosts that switching rules name, in an ACL or in place. */
function hostsNamedIn(
  { name: frontend, acls, rules }: ActualFrontend,
  isOurs: (acl: string) => boolean,
): readonly OperatorHost[] {
  const byName = new Map<string, JsonObject[]>();
  for (const acl of acls) {
    const name = textAt(acl, 'acl_name');
    byName.set(name, [...(byName.get(name) ?? []), acl]);
  }
  const tests = rules.flatMap((rule): readonly string[] => {
    const words = textAt(rule, 'cond_test');
    const inPlace = [...words.matchAll(/\{\s*([^{}]*?)\s*\}/g)].map(([, test = '']) => test);
    const named = words
      .replace(/\{[^{}]*\}/g, ' ')
      .split(/\s+/)
      .map((word) => word.replace(/^!/, ''))
      .filter((word) => !isOurs(word))
      .flatMap((word) => byName.get(word) ?? [])
      .map((acl) => `${textAt(acl, 'criterion')} ${textAt(acl, 'value')}`);
    return [...inPlace, ...named];
  });
  const found = tests.flatMap(hostsOfTest).map((one) => ({ frontend, ...one }));
  return [...new Map(found.map((one) => [JSON.stringify(one), one])).values()];
}

/** The Host header or a TLS server name; a suffix says how it is compared. */
const hostFetch =
  /^!?(?:req\.|req_)?f?hdr(?:_(beg|dom|end|reg|sub))?\(host(?:,-?\d+)?\)|^!?(?:req[._]ssl_sni|ssl_fc_sni)(?:_(beg|dom|end|reg|sub))?(?=[,\s]|$)|^!?(base)(?:_(beg))?(?=[,\s]|$)/i;

/** The value is still a host. */
const plainConverters = /^(?:,(?:lower|host_only|(?:field|word)\(1,:\)))*$/i;

type Named = Pick<OperatorHost, 'match' | 'host'>;

/** `req.hdr(host) -i -m end .example.com`. Files and what a sample yields can't be read. */
function hostsOfTest(test: string): readonly Named[] {
  const [fetch = '', ...words] = test.trim().split(/\s+/);
  const found = hostFetch.exec(fetch);
  if (found === null || !plainConverters.test(fetch.slice(found[0].length))) return [];
  let method = found[1] ?? found[2] ?? 'str';
  const values: string[] = [];
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? '';
    if (word === '-m') method = words[++at] ?? method;
    else if (word === '-f' || word === '-M') at++;
    else if (word === '--') return [...values, ...words.slice(at + 1)].flatMap(named(method));
    else if (!/^-[in]$/.test(word)) values.push(word);
  }
  if (method === 'found') return [];
  return values.flatMap(named(method));
}

function named(method: string): (value: string) => readonly Named[] {
  return (value) => {
    const text = value
      .toLowerCase()
      .replace(/^["']|["']$/g, '')
      .replace(/(?::\d+|\/.*)$/, '');
    const bare = text.replace(/^\.+|\.+$/g, '');
    const as = (match: HostMatch, host: string): Named => ({ match, host });
    if (bare === '') return [];
    switch (method) {
      case 'str':
        return [as('exact', bare)];
      case 'beg':
        return [as('prefix', text)];
      case 'end':
        return text.startsWith('.')
          ? [as('wildcard', bare)]
          : [as('exact', bare), as('wildcard', bare)];
      case 'dom':
        return [as('exact', bare), as('wildcard', bare)];
      default:
        return [];
    }
  };
}

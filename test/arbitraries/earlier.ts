import { type JsonObject, textAt } from '../../src/shared/json.js';

const variable = 'txn.nomad_connector_backend';

/** The lookup or ACL as the version before wrote it; what isn't ours stays as it is. */
export function asEarlier(rule: JsonObject): JsonObject {
  const criterion = textAt(rule, 'criterion');
  if (criterion !== '') return { ...rule, criterion: ofHost(criterion) };
  const test = textAt(rule, 'cond_test');
  const [, sample] = /(\S+),set-var\(txn\.nomad_connector_backend\)/.exec(test) ?? [];
  if (textAt(rule, 'name') !== `%[var(${variable})]` || sample === undefined) return rule;
  return {
    ...rule,
    name: `%[${ofHost(sample)}]`,
    cond_test: ofHost(test.replace(`,set-var(${variable})`, '')),
  };
}

/** As the first version wrote it. */
export function asFirst(rule: JsonObject): JsonObject {
  const earlier = asEarlier(rule);
  if (earlier === rule) return rule;
  const test = textAt(earlier, 'cond_test');
  return { ...earlier, cond_test: test.replace(/^\{ \S+,length le \d+ \} /, '') };
}

function ofHost(text: string): string {
  return text.replaceAll('req.fhdr(host,-1)', 'req.hdr(host)');
}

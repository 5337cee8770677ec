import type { Settings } from '../config/types.js';
import { offerOfService } from '../desired/offers.js';
import { serviceTags } from '../desired/service-tags.js';
import type { DesiredWarningCode } from '../desired/types.js';
import { covers } from '../haproxy/scope.js';
import { optsIn, splitTag } from '../observe/catalog/model/tags.js';
import { hasVariables } from '../observe/catalog/model/variables.js';
import { textAt } from '../shared/json.js';
import { oneLine } from '../shared/text.js';
import { adviceFor } from './advice.js';
import { type Block, groupName, isNomads, type RawBlock, rawBlocksOf, textsAt } from './blocks.js';
import { linesOf } from './locate.js';
import type { Outlook } from './outlook.js';
import type { Finding, JobFile, Severity } from './types.js';

type About = Pick<Finding, 'severity' | 'code' | 'message'> & { readonly tag?: string };

/** Tags with a value that the grammar doesn't allow, each by itself. */
export function tagFindings(block: Block, { tags: { prefix }, limits }: Settings): Finding[] {
  const { namespace, name, declaration, service } = block;
  const canary = textsAt(service, 'CanaryTags').filter((tag) => !hasVariables(tag));
  const lists = [declaration.tags, canary].filter((tags) => optsIn(tags, prefix));
  const invalid = lists.flatMap((tags) => {
    const declarations = [{ ...declaration, tags }];
    const alone = { namespace, name, declarations, instances: [], claimedAt: 0 };
    const offer = offerOfService(prefix, alone, limits);
    return offer === undefined ? [] : serviceTags(offer, prefix, limits).invalid;
  });
  return invalid.map(({ tag, problem }) =>
    about(block, {
      severity: 'error',
      code: 'invalid-tag',
      message: oneLine(`tag ${oneLine(tag, 120)} is invalid; ${problem}`),
      tag,
    }),
  );
}

/** | about | what became of the service |
 * |---|---|
 * | refused | skipped: nothing of it is served |
 * | warned | a route of it is another's, or a tag has no effect |
 */
export function serviceFindings(
  blocks: readonly Block[],
  { skipped, warnings }: Outlook,
  found: readonly Finding[],
): Finding[] {
  const isTold = (service: string): boolean =>
    found.some((one) => one.service === service && one.code === 'invalid-tag');
  return blocks.flatMap((block) => {
    const { label } = block;
    const refused = skipped
      .filter(
        ({ service, code }) => service === label && !(code === 'invalid-tag' && isTold(label)),
      )
      .map(({ code, reason }): About => ({ severity: 'error', code, message: reason }));
    const warned = warnings
      .filter(({ service, code }) => service === label && !ofInstances.has(code))
      .map(({ code, message }): About => ({ severity: severityOf(code), code, message }));
    return [...refused, ...warned].map((one) => about(block, one));
  });
}

/** Of what runs, not of what the job says. */
const ofInstances: ReadonlySet<DesiredWarningCode> = new Set([
  'check-unreadable',
  'instance-unusable',
  'foreign-address',
]);

/** A route that was asked for and is not given is no less than a service that is not served. */
function severityOf(code: DesiredWarningCode): Severity {
  return code === 'domain-claimed' || code === 'policy' ? 'error' : 'warning';
}

export function adviceFindings(
  block: Block,
  { desired, skipped }: Outlook,
  settings: Settings,
): Finding[] {
  const { prefix } = settings.tags;
  const { from, label, declaration, service } = block;
  if (!optsIn(declaration.tags, prefix)) return [];
  const isSkipped = skipped.some((one) => one.service === label);
  const backend = isSkipped ? undefined : desired.backends.find((one) => one.service === label);
  const advice = adviceFor(
    {
      ...block,
      job: from.raw,
      tags: declaration.tags,
      shutdownDelayMs: block.block.shutdownDelayMs,
      ...(backend === undefined ? {} : { backend }),
      isRouted: desired.routes.some((one) => one.service === label),
    },
    settings,
  );
  const unknown = [...block.block.tags, ...textsAt(service, 'CanaryTags')]
    .filter((tag) => hasVariables(tag) && splitTag(prefix, tag) !== undefined)
    .map((tag): About => ({
      severity: 'notice',
      code: 'run-time-tag',
      message: oneLine(`tag ${oneLine(tag, 120)} is only known once the job runs: not checked`),
      tag,
    }));
  return [...advice, ...unknown].map((one) => about(block, one));
}

/** Services with our tags that the connector doesn't read. */
export function unreadFindings(from: JobFile, settings: Settings): Finding[] {
  const { prefix } = settings.tags;
  const { Namespace: namespace } = from.job;
  const raw = rawBlocksOf(from).filter(({ service }) =>
    textsAt(service, 'Tags').some((tag) => splitTag(prefix, tag) !== undefined),
  );
  const findings = raw.flatMap((block) => {
    const reason = unreadReason(block, prefix);
    return reason === undefined ? [] : [aboutRaw(block, reason)];
  });
  if (raw.length === 0 || covers(settings, `${namespace}/`)) return findings;
  const message = `namespace ${namespace} is not in nomad.namespace (${settings.nomad.namespace}): this connector doesn't read it`;
  const finding = { severity: 'warning', code: 'out-of-scope', message } as const;
  return [...findings, { ...finding, file: from.file, job: from.job.ID }];
}

function unreadReason({ service }: RawBlock, prefix: string): About | undefined {
  const name = textAt(service, 'Name');
  const tags = textsAt(service, 'Tags');
  if (!isNomads(service)) {
    const provider = textAt(service, 'Provider') || 'consul, the default';
    const message = `its provider is ${provider}: the connector reads Nomad's own catalog. Set provider = "nomad"`;
    return { severity: 'warning', code: 'provider', message };
  }
  if (hasVariables(name)) {
    const message = `service ${name}: its name is only known once the job runs: not checked`;
    return { severity: 'notice', code: 'run-time-name', message };
  }
  const isSaid = tags.some((tag) => splitTag(prefix, tag)?.key === 'enable');
  if (isSaid) return undefined;
  const message = `its tags lack ${prefix}.enable=true: it is not routed`;
  return { severity: 'warning', code: 'not-enabled', message };
}

/** What the plan says of HAProxy's configuration, by the job that it names. */
export function problemFindings(
  files: readonly JobFile[],
  blocks: readonly Block[],
  { problems }: Outlook,
): Finding[] {
  const [first] = files;
  return problems.flatMap(({ code, message }): Finding[] => {
    const named = blocks.find(({ label }) => message.includes(label));
    const finding = { severity: 'error', code, message } as const;
    if (named !== undefined) return [about(named, finding)];
    return first === undefined ? [] : [{ ...finding, file: first.file, job: first.job.ID }];
  });
}

function about(block: Block, one: About): Finding {
  const { from, label, name, declaration } = block;
  const tags = [...declaration.tags, ...textsAt(block.service, 'CanaryTags')];
  const tag = one.tag ?? tagIn(one.message, tags);
  const lines = linesOf(from.text);
  const service = { name, tags };
  const line =
    (tag === undefined ? undefined : lines.ofTag(tag, service)) ??
    (isOfGroup(one) ? lines.ofGroup(groupName(block)) : undefined) ??
    lines.ofService(service);
  return {
    ...one,
    file: from.file,
    ...(line === undefined ? {} : { line }),
    job: from.job.ID,
    service: label,
    ...(tag === undefined ? {} : { tag }),
  };
}

const ofGroups: ReadonlySet<Finding['code']> = new Set([
  'no-shutdown-delay',
  'static-port',
  'min-healthy-time',
]);

/** What is said of the group is said once, however many services it has. */
export function isOfGroup({ code }: Pick<Finding, 'code'>): boolean {
  return ofGroups.has(code);
}

function aboutRaw(block: RawBlock, one: About): Finding {
  const { from, service } = block;
  const name = textAt(service, 'Name');
  const line = linesOf(from.text).ofService({ name, tags: textsAt(service, 'Tags') });
  return {
    ...one,
    file: from.file,
    ...(line === undefined ? {} : { line }),
    job: from.job.ID,
    service: `${from.job.Namespace}/${name}`,
  };
}

/** The tag that a message is about: named whole, by its key, or by its value. */
function tagIn(message: string, tags: readonly string[]): string | undefined {
  const words = new Set(message.split(/[\s"',;:()]+/));
  const whole = tags.find((tag) => tag.includes('=') && message.includes(tag));
  if (whole !== undefined) return whole;
  return tags.find((tag) => {
    const [key = '', value = ''] = tag.split(/=(.*)/s);
    // Hosts, paths and names: other values are ordinary words.
    const isName = /[./]/.test(value) || key.endsWith('.name');
    return words.has(key) || (isName && words.has(value));
  });
}

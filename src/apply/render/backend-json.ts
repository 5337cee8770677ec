import type { Settings } from '../../config/types.js';
import type { StepOf } from '../../diff/dispatch.js';
import type { PlannedSlot } from '../../diff/types.js';
import { withNomadIndex, withTerm } from '../../haproxy/marker-metadata.js';
import { connectorBackendName } from '../../haproxy/names.js';
import { markerServerName, markOf } from '../../haproxy/ownership.js';
import { stampOf, withStamp } from '../../haproxy/scope.js';
import { ownCheckPort } from '../../haproxy/slots.js';
import type { JsonObject } from '../../shared/json.js';

/** Steps that write a whole section of ours. */
export type SectionWrite = StepOf<'create-backend' | 'replace-backend' | 'set-marker'>;

/** What a section says beside its step. */
export interface SectionContext {
  /** The configuration version that the commit will make. */
  readonly generation: number;
  /**
   * What a section of ours says of its defaults: the same that it would have without a word, for
   * which HAProxy warns at each reload once the Data Plane API has named them in other sections.
   */
  readonly from: { readonly from?: string };
  /** Of the leader, where there is a lock. */
  readonly term?: number;
}

/** What the structured view can't keep: the service of the marker's own objects. */
const markerMark = markOf({ service: 'connector' });

/** The section as `full_section` JSON of the Data Plane API. */
export function sectionJson(
  step: SectionWrite,
  said: SectionContext,
  settings: Settings,
): JsonObject {
  const { from } = said;
  if (step.kind === 'set-marker') return { ...from, ...markerJson(step, said, settings) };
  const { backend, section, slots, service } = step;
  const servers = Object.fromEntries(slots.map((slot) => [slot.name, serverJson(slot, {})]));
  return { ...from, ...section, name: backend, metadata: markOf({ service }), servers };
}

export function serverJson(slot: PlannedSlot, fields: JsonObject): JsonObject {
  const { name, service, binding, config } = slot;
  const checkPort = ownCheckPort(config);
  return {
    ...fields,
    name,
    address: config.address,
    port: config.port,
    weight: config.weight,
    maintenance: config.disabled ? 'enabled' : 'disabled',
    ...(checkPort === undefined ? {} : { health_check_port: checkPort }),
    metadata: markOf({
      service,
      ...(binding ? { binding } : {}),
      ...(slot.shared ? { shared: true } : {}),
    }),
  };
}

/** The server says who wrote it, and Nomad's index: before 3.2 the section's metadata is dropped. */
function markerJson(
  { hash, nomadIndex }: StepOf<'set-marker'>,
  { generation, term }: SectionContext,
  settings: Settings,
): JsonObject {
  const { prefix } = settings.ownership;
  const server = markerServerName(prefix, generation, hash);
  return {
    name: connectorBackendName(prefix),
    mode: 'http',
    metadata: markerMark,
    servers: { [server]: markerServer(server, { nomadIndex, term }, settings) },
  };
}

/** Never in traffic: it is there for its name and what it says. */
export function markerServer(
  name: string,
  {
    nomadIndex,
    term,
  }: { readonly nomadIndex?: number | undefined; readonly term?: number | undefined },
  settings: Settings,
): JsonObject {
  const stamped = withStamp(markerMark, stampOf(settings));
  const metadata = withTerm(withNomadIndex(stamped, nomadIndex), term);
  return { name, address: '127.0.0.1', port: 9, maintenance: 'enabled', metadata };
}

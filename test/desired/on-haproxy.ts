import { expect } from 'chai';

import type { DataPlane } from '../../fixtures/dataplane/launch.js';
import { canonicalSection } from '../../src/haproxy/canonical.js';
import type { DesiredBackend } from '../../src/desired/types.js';
import type { JsonObject } from '../../src/shared/json.js';

const root = '/v3/services/haproxy';
const emptySlot = { address: '127.0.0.1', port: 1, maintenance: 'enabled' };

export type NamedSection = Pick<DesiredBackend, 'name' | 'section'>;

/** Writes the backends with two slots each, in one transaction with one reload. */
export async function replaceBackends(
  plane: DataPlane,
  backends: readonly NamedSection[],
  server: JsonObject = emptySlot,
): Promise<void> {
  const version = (await plane.send('GET', `${root}/configuration/version`)).body as number;
  const opened = await plane.send('POST', `${root}/transactions?version=${version}`);
  const { id } = opened.body as { id: string };
  for (const backend of backends) await replaceBackend(plane, id, backend, server);
  const done = await plane.send('PUT', `${root}/transactions/${id}?force_reload=true`);
  expect(done.status, JSON.stringify(done.body)).to.be.oneOf([200, 202]);
}

async function replaceBackend(
  plane: DataPlane,
  id: string,
  { name, section }: NamedSection,
  server: JsonObject,
): Promise<void> {
  const slots = [1, 2].map((slot) => ({ ...server, name: `${name}_${slot}` }));
  const servers = Object.fromEntries(slots.map((slot) => [slot.name, slot]));
  const query = `transaction_id=${id}`;
  await plane.send('DELETE', `${root}/configuration/backends/${name}?${query}`);
  const path = `${root}/configuration/backends?full_section=true&${query}`;
  const posted = await plane.send('POST', path, { ...section, name, servers });
  expect(posted.status, JSON.stringify(posted.body)).to.equal(202);
}

export async function readSection(plane: DataPlane, name: string): Promise<JsonObject> {
  const path = `${root}/configuration/backends/${name}?full_section=true`;
  return canonicalSection((await plane.send('GET', path)).body as JsonObject);
}

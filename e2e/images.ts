/** Which images are tested. Each can be another one: a mirror's, another version's, one built here. */

function fromEnv(name: string, otherwise: string): string {
  const value = process.env[name];
  return value === undefined || value === '' ? otherwise : value;
}

/** Several, with commas between them; each gets a suite of its own. They hold the Data Plane API. */
export const haproxyImages: readonly string[] = fromEnv(
  'HAPROXY_IMAGE',
  'haproxytech/haproxy-debian:3.0,haproxytech/haproxy-debian:3.2',
)
  .split(',')
  .map((name) => name.trim())
  .filter((name) => name !== '');

export const nomadImage: string = fromEnv('NOMAD_IMAGE', 'hashicorp/nomad:2.0');

/** Not set: it is built from the Dockerfile, on this base. */
export const connectorImage: string | undefined = process.env['CONNECTOR_IMAGE'] || undefined;
export const nodeImage: string = fromEnv('NODE_IMAGE', 'node:22-slim');
export const builtImage = 'haproxy-nomad-connector:e2e';

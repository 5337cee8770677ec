import { policyFeatures } from './policy.js';

/** The parts of `policy` that are lists and mappings, as JSON schema. */

const label = '[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?';
const name = '^[A-Za-z0-9_.:-]+$';
const namespaceName = '^[A-Za-z0-9-]{1,128}$';

const domain = {
  type: 'string',
  pattern: `^([*]|([*][.])?${label}([.]${label})*)$`,
} as const;
const grant = {
  type: 'object',
  additionalProperties: false,
  required: ['host', 'to'],
  properties: {
    host: domain,
    path: { type: 'string', pattern: '^(/[A-Za-z0-9._~-]+)+$' },
    to: { type: 'string', pattern: namespaceName },
  },
} as const;

export const domainList = { type: 'array', items: domain, uniqueItems: true } as const;
export const hostNameList = {
  type: 'array',
  items: { type: 'string', pattern: `^${label}([.]${label})*$` },
  uniqueItems: true,
} as const;
export const nameList = {
  type: 'array',
  items: { type: 'string', pattern: name },
  uniqueItems: true,
} as const;
export const networkList = {
  type: 'array',
  items: { type: 'string', format: 'network' },
  uniqueItems: true,
} as const;
export const methodList = {
  type: 'array',
  items: { type: 'string', pattern: '^[A-Z]+$' },
  uniqueItems: true,
} as const;
export const grantList = { type: 'array', items: grant } as const;
export const namespaceMap = {
  type: 'object',
  propertyNames: { type: 'string', pattern: namespaceName },
  additionalProperties: {
    type: 'object',
    additionalProperties: false,
    properties: {
      domains: domainList,
      frontends: nameList,
      backends: nameList,
      addresses: networkList,
      features: {
        type: 'array',
        items: { type: 'string', enum: policyFeatures },
        uniqueItems: true,
      },
      grants: grantList,
    },
  },
} as const;

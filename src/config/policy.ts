/** Who may use what, see docs/policy.md. Deeply readonly plain data. */
export interface PolicySettings {
  readonly mode: 'open' | 'strict';
  /** Read before every pass; its keys replace those in the settings. */
  readonly file?: string;
  /** Host names, and wildcards like `*.corp.example`, that no tag may route. */
  readonly reservedDomains: readonly string[];
  readonly protectedFrontends: readonly string[];
  readonly protectedBackends: readonly string[];
  /** Networks that are targets although they aren't an allocation's own. */
  readonly allowedAddresses: readonly string[];
  /** Besides GET, HEAD and OPTIONS. */
  readonly checkMethods: readonly string[];
  /** Undefined: the highest weight of the operator's servers in the same backend. */
  readonly customWeight?: number;
  readonly claimGraceMs: number;
  /** On hosts of route files, and on any other host in the operator's name. */
  readonly grants: readonly Grant[];
  readonly namespaces: Readonly<Record<string, NamespacePolicy>>;
}

/** Lets another namespace route a path of a host. */
export interface Grant {
  readonly host: string;
  /** With everything below it; absent for the whole host. */
  readonly path?: string;
  /** A namespace. */
  readonly to: string;
}

export const policyFeatures = [
  'regex',
  'prefix',
  'hostless',
  'tcp',
  'check',
  'headers',
  'canary',
] as const;

export type PolicyFeature = (typeof policyFeatures)[number];

/** What a namespace may use in strict mode. `grants` count in both. */
export interface NamespacePolicy {
  readonly domains: readonly string[];
  /** Absent: those of the settings. */
  readonly frontends?: readonly string[];
  readonly backends: readonly string[];
  /** Absent: an allocation's own. */
  readonly addresses?: readonly string[];
  readonly features: readonly PolicyFeature[];
  readonly grants: readonly Grant[];
}

export const openPolicy: PolicySettings = {
  mode: 'open',
  reservedDomains: [],
  protectedFrontends: [],
  protectedBackends: [],
  allowedAddresses: [],
  checkMethods: [],
  claimGraceMs: 3_600_000,
  grants: [],
  namespaces: {},
};

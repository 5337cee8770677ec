import type { Check } from '../types.js';
import { configurationChecks, scopeCheck } from './configuration.js';
import { connectorChecks, otherCheck } from './connector.js';
import { dataplaneChecks, descriptorCheck, haproxyChecks, reloadChecks } from './haproxy.js';
import { nomadChecks } from './nomad.js';
import { settingsChecks } from './settings.js';

/**
 * All checks. Of those that lack the same, the first says so. docs/doctor.md has the same table.
 */
export const checks: readonly Check[] = [
  ...settingsChecks,
  ...nomadChecks,
  ...dataplaneChecks,
  ...haproxyChecks,
  ...reloadChecks,
  ...configurationChecks,
  otherCheck,
  descriptorCheck,
  ...connectorChecks,
  scopeCheck,
];

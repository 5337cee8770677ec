/** The job that each story begins with. */

import type { AppJob } from '../fixtures/nomad/app-job.js';
import { shopHost } from './look.js';

const seconds = 1_000_000_000;
export const shop: AppJob = {
  id: 'shop',
  count: 2,
  version: 'v1',
  tags: ['haproxy.enable=true', `haproxy.domain=${shopHost}`],
  shutdownDelayMs: 2000,
  update: { MinHealthyTime: 3 * seconds },
};

import type { AppJob } from '../fixtures/nomad/app-job.js';

export interface Cluster {
  readonly url: string;
  readonly origin: string;
  /** Runs the job, or its new version by a rolling update, and waits until Nomad is content. */
  deploy(app: AppJob): Promise<void>;
  scale(jobId: string, count: number): Promise<void>;
  stop(jobId: string): Promise<void>;
  close(): Promise<void>;
}

import { expect } from 'chai';

import { waitFor } from '../../fixtures/process.js';
import { createProgress, progressLine } from '../../src/commands/progress.js';

describe('the progress of a long pass', () => {
  it('counts answers and names what is done', () => {
    expect(progressLine({ nomad: 812, haproxy: 6, done: [] }, 3400)).to.equal(
      '3s: 812 answers from Nomad, 6 from HAProxy',
    );
    expect(progressLine({ nomad: 1, haproxy: 0, done: ['observe', 'diff'] }, 0)).to.equal(
      '0s: 1 answers from Nomad, 0 from HAProxy; Nomad read, planned',
    );
  });

  it('is one line that is gone in the end', async () => {
    const written: string[] = [];
    const progress = createProgress({
      write: (text) => written.push(text),
      afterMs: 0,
      everyMs: 1,
    });
    progress.onNomad();
    progress.onDataPlane();
    progress.onPhase('observe');
    progress.onPhase('observe');
    const task = progress.during(() => waitFor('a line', () => written.length > 0 || undefined));
    await task;
    const shown = '0s: 1 answers from Nomad, 1 from HAProxy; Nomad read';
    expect(written[0]).to.equal(`\r\u001b[K${shown}`);
    expect(written.at(-1)).to.equal('\r\u001b[K');
  });

  it('of a short pass is nothing, also of one that fails', async () => {
    const written: string[] = [];
    const progress = createProgress({ write: (text) => written.push(text) });
    expect(await progress.during(() => Promise.resolve(7))).to.equal(7);
    const failed = await progress.during(() => Promise.reject(new Error('no'))).catch(String);
    expect([failed, written]).to.deep.equal(['Error: no', []]);
  });
});

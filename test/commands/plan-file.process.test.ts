import { execFileSync } from 'node:child_process';
import { lstatSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect } from 'chai';

import { writePlanFile } from '../../src/commands/plan-file.js';
import type { SavedPlan } from '../../src/plans/document.js';

describe('the file of a saved plan', () => {
  it('never takes the place of a pipe or a device', () => {
    const folder = mkdtempSync(join(tmpdir(), 'plan-file-'));
    try {
      const pipe = join(folder, 'pipe');
      execFileSync('mkfifo', [pipe]);
      expect(() => writePlanFile(pipe, {} as SavedPlan)).to.throw('not a regular file');
      expect(lstatSync(pipe).isFIFO()).to.equal(true);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

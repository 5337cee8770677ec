/**
 * Mocha's spec reporter, which also writes how many tests passed, failed and were skipped to the
 * file that TEST_COUNTS names.
 */

const { writeFileSync } = require('node:fs');
const Mocha = require('mocha');

module.exports = class CountingReporter extends Mocha.reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    const file = process.env.TEST_COUNTS;
    if (!file) return;
    runner.once('end', () => {
      // Failed hooks are failures too; tests that they kept from running are counted nowhere.
      const { passes = 0, failures = 0, pending = 0 } = this.stats;
      writeFileSync(file, `${passes} ${failures} ${pending}\n`);
    });
  }
};

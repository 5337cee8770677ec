import { expect } from 'chai';

import { messageOf } from '../../src/actual/answers.js';

describe("an error of the Data Plane API's", () => {
  const message =
    'Reload failed: failed to reload configuration, [WARNING]  (1) : Server a/a_1 is DOWN\n' +
    '[NOTICE]   (1) : haproxy version is 3.2.26\n[ALERT]    (1) : Cannot raise FD limit to 2, limit is 1.\n';
  const alert =
    'Reload failed: failed to reload configuration, [ALERT] (1) : Cannot raise FD limit to 2, limit is 1.';

  it('is what it says without notices and warnings', () => {
    const text = messageOf({ status: 400, body: { code: 400, message } });
    expect(text).to.equal(alert);
  });

  it('is the same where it comes as the text of its JSON, as for a whole file', () => {
    const body = JSON.stringify({ code: 400, message });
    expect(messageOf({ status: 400, body })).to.equal(alert);
    expect(messageOf({ status: 400, body: '{cut' })).to.equal('{cut');
  });
});

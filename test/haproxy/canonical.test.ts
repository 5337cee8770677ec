import { expect } from 'chai';

import { canonicalSection } from '../../src/haproxy/canonical.js';

describe('the canonical form of a section', () => {
  it('drops what is absent or empty and what is not its content, and sorts keys', () => {
    const read = {
      mode: 'http',
      name: 'nomad_web',
      from: 'unnamed_defaults_1',
      id: 3,
      servers: { a: { port: 1 } },
      metadata: { owner: 'x' },
      httpchk_params: {},
      acl_list: [],
      balance: { hdr_name: null, algorithm: 'hdr' },
      http_check_list: [{ type: 'send', metadata: { comment: 'y' }, headers: [] }],
    };
    expect(JSON.stringify(canonicalSection(read))).to.equal(
      '{"balance":{"algorithm":"hdr"},"http_check_list":[{"type":"send"}],"mode":"http"}',
    );
  });

  it('keeps the order of rules', () => {
    const rules = [{ type: 'b' }, { type: 'a' }];
    expect(canonicalSection({ http_request_rule_list: rules })).to.deep.equal({
      http_request_rule_list: rules,
    });
  });

  it('is one object for equal sections, also for one that was read back in another order', () => {
    const sent = canonicalSection({ mode: 'http', acl_list: [{ value: 'a', criterion: 'src' }] });
    const read = { acl_list: [{ criterion: 'src', value: 'a' }], name: 'nomad_web', mode: 'http' };
    expect(canonicalSection(read)).to.equal(sent);
  });

  it('shares its values with sections that differ in others', () => {
    const one = canonicalSection({ mode: 'http', balance: { algorithm: 'source' } });
    const other = canonicalSection({ balance: { algorithm: 'source' }, mode: 'tcp' });
    expect(one['balance']).to.equal(other['balance']);
  });

  it('is its own canonical form', () => {
    const once = canonicalSection({ b: [{ z: 1, y: undefined }], a: { c: {} } });
    expect(canonicalSection(once)).to.deep.equal(once);
  });
});

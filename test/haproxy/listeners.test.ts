import { expect } from 'chai';

import { isListener, listenersIn } from '../../src/haproxy/listeners.js';

const shown = (text: string): readonly string[] =>
  listenersIn(text).map(({ address, from, to }) => `${address}:${from}-${to}`);

describe('where HAProxy listens', () => {
  it('is read from every section, in every form of an address', () => {
    const text = `global
  stats socket /run/haproxy.sock mode 600 level admin
  stats socket ipv4@10.0.0.1:9999 level operator
frontend web
  bind :80
\tbind *:443 ssl crt /bind/x.pem
  bind ipv6@[::]:81,[2001:db8::1]:82
  bind   10.0.0.2:8000-8010 name "bind :1"
  bind "127.0.0.1:83"
  bind web.local:84
  bind \${ADDRESS}:85
listen stats
  bind 192.0.2.1:8404
peers others
  bind 10.0.0.3:10000`;
    expect(shown(text)).to.have.members([
      ...['10.0.0.1:9999-9999', ':80-80', ':443-443', ':81-81', '2001:db8::1:82-82'],
      ...['10.0.0.2:8000-8010', '127.0.0.1:83-83', ':84-84', ':85-85', '192.0.2.1:8404-8404'],
      '10.0.0.3:10000-10000',
    ]);
  });

  it('is no file, no name without a port, no comment and no other word', () => {
    const text = `frontend web
  bind /run/web.sock
  bind unix@/run/a:80.sock
  bind abns@name
  bind fd@3
  # bind :80
  acl bind path /bind:80
backend a # {"x":"bind :80"}
  server bind 10.0.0.1:80 # bind :81`;
    expect(shown(text)).to.deep.equal([]);
  });

  it('is reached by each address of its machine, or by the one that is named', () => {
    const machine = ['10.0.0.1', '2001:db8::1'];
    const reaches = (bind: string, address: string, port: number): boolean =>
      isListener(listenersIn(`  bind ${bind}`), machine, address, port);
    for (const address of ['127.0.0.1', '::1', '0.0.0.0', '10.0.0.1', '::ffff:10.0.0.1'])
      expect(reaches(':80', address, 80), address).to.equal(true);
    expect(reaches(':80', '10.0.0.1', 8080)).to.equal(false);
    expect(reaches(':80', '10.0.0.2', 80)).to.equal(false);
    expect(reaches('10.0.0.2:80-90', '10.0.0.2', 90)).to.equal(true);
    expect(reaches('10.0.0.2:80', '10.0.0.1', 80)).to.equal(false);
    expect(reaches('127.0.0.1:80', '127.0.0.1', 80)).to.equal(true);
    expect(reaches('127.0.0.1:80', '10.0.0.1', 80)).to.equal(false);
  });
});

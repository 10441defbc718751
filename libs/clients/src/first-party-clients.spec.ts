import { loadConfig, type ClientCallback } from '@app/config';
import { FirstPartyClients } from './first-party-clients.js';

function clients(...clientCallbacks: ClientCallback[]): FirstPartyClients {
  return new FirstPartyClients({ ...loadConfig({}, () => ''), publicUrl: 'https://gate.example', clientCallbacks });
}

const web = { clientId: 'web', url: 'https://app.example/cb' };
const webToo = { clientId: 'web', url: 'https://app.example/other' };
const native = { clientId: 'http://127.0.0.1/cb', url: 'http://127.0.0.1/cb' };
const localhost = { clientId: 'dev', url: 'http://localhost:3000/cb' };

describe('D7', () => {
  const known = clients(web, webToo, native, localhost);

  it('finds a client by its id, the first callback where it has several', () => {
    expect(known.find('web')).toEqual(web);
    expect(known.find('http://127.0.0.1/cb')).toEqual(native);
    expect(known.find('https://app.example/cb')).toBeUndefined();
  });

  it('matches callbacks by plain string equality', () => {
    expect(known.matchCallback('https://app.example/cb', 'fragment')).toEqual(web);
    for (const near of [
      'https://app.example/cb/',
      'https://app.example/cb?x=1',
      'https://APP.example/cb',
      'https://app.example/c%62',
      'https://app.example/cb#',
      'https://user@app.example/cb',
      'https://app.example.evil.example/cb',
      'http://app.example/cb',
      '',
    ])
      expect(known.matchCallback(near, 'query')).toBeUndefined();
  });

  it('takes any port for loopback literals in the code flow, never for a fragment or for localhost', () => {
    expect(known.matchCallback('http://127.0.0.1:51004/cb', 'query')).toEqual(native);
    expect(known.matchCallback('http://127.0.0.1:51004/cb', 'fragment')).toBeUndefined();
    expect(known.matchCallback('http://localhost:51004/cb', 'query')).toBeUndefined();
  });

  it('counts only the callbacks of the client that was named', () => {
    expect(known.matchCallback('https://app.example/other', 'query', 'web')).toEqual(webToo);
    expect(known.matchCallback('https://app.example/cb', 'query', 'dev')).toBeUndefined();
  });

  it('prefers the exact callback to one that only a free port reaches', () => {
    const exact = { clientId: 'exact', url: 'http://127.0.0.1:4000/cb' };
    expect(clients(native, exact).matchCallback('http://127.0.0.1:4000/cb', 'query')).toEqual(exact);
  });
});

describe('D8', () => {
  it('serves sessions without a callback under our own name, which is nobody’s callback', () => {
    const known = clients(web);
    expect(known.isServed('https://gate.example')).toBe(true);
    expect(known.isServed('web')).toBe(true);
    expect(known.isServed('removed')).toBe(false);
    expect(known.find('https://gate.example')).toBeUndefined();
    expect(known.matchCallback('https://gate.example', 'query')).toBeUndefined();
  });
});

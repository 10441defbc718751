import { inspect } from 'node:util';
import { faultsOf, faultyKeys, load } from './load-for-spec.js';

const SECRET = `whsec_${Buffer.alloc(32, 'first').toString('base64')}`;
const OTHER = `whsec_${Buffer.alloc(24, 'second').toString('base64')}`;
const yaml = (...webhooks: object[]) => JSON.stringify({ organizations: [{ name: 'acme' }], webhooks });
const a = (changes: object = {}) => ({ id: 'app', url: 'https://app.example/hooks', secrets: SECRET, ...changes });

describe('webhooks', () => {
  it('are none, unless they are configured', () => expect(load().webhooks).toEqual([]));

  it('send every event of the default organization, unless told otherwise', () => {
    const [first, second] = load(
      { HOOK: SECRET },
      yaml(
        a({ secrets: '${HOOK}' }),
        a({ id: 'b', secrets: [OTHER, SECRET], organization: 'acme', events: ['connection.expiring'] }),
      ),
    ).webhooks;
    expect(first).toMatchObject({ id: 'app', url: 'https://app.example/hooks', organization: 'default' });
    expect(first?.events).toEqual([
      'connection.needs_reauth',
      'connection.refresh_failed',
      'connection.recovered',
      'connection.expiring',
    ]);
    expect(first?.secrets.map((secret) => secret.reveal())).toEqual([Buffer.alloc(32, 'first')]);
    expect(second).toMatchObject({ organization: 'acme', events: ['connection.expiring'] });
    expect(second?.secrets.map((secret) => secret.reveal().length)).toEqual([24, 32]);
  });

  it.each([
    ['id', '1st'],
    ['id', 'a'.repeat(65)],
    ['url', 'http://app.example/hooks'],
    ['url', 'app.example'],
    ['url', 'https://user:pw@app.example/'],
    ['url', 'https://app.example/#x'],
    ['secrets', []],
    ['secrets', undefined],
    ['secrets', 7],
    ['secrets', Array(6).fill(SECRET)],
    ['organization', 'acmee'],
    ['events', []],
  ])('refuse the %s %p, naming it', (key, value) => {
    expect(faultyKeys({}, yaml(a({ [key]: value })))).toEqual([`webhooks[0].${key}`]);
  });

  it.each([
    'correct-horse-battery-staple',
    'whsec_',
    `whsec_${Buffer.alloc(23).toString('base64')}`,
    `whsec_${Buffer.alloc(65).toString('base64')}`,
    `whsec_${Buffer.alloc(32, 0xff).toString('base64url')}`,
    SECRET.replace(/.=$/, 'Z='),
  ])('R31: refuse a secret that is none, without saying it (%#)', (secret) => {
    const faults = faultsOf({}, yaml(a({ secrets: secret }), a({ id: 'b', secrets: [SECRET, secret] })));
    expect(faults.map(({ key }) => key)).toEqual(['webhooks[0].secrets', 'webhooks[1].secrets[1]']);
    for (const { message } of faults) expect(message).toContain('must be whsec_');
    if (secret.length > 6) expect(JSON.stringify(faults)).not.toContain(secret);
  });

  it('R31: print no secret', () => {
    const config = load({}, yaml(a()));
    for (const text of [inspect(config, { depth: null, showHidden: true }), JSON.stringify(config)]) {
      expect(text).not.toContain(SECRET.slice(6));
      expect(text).not.toContain(Buffer.alloc(32, 'first').toString('hex'));
    }
  });

  it('have an id each', () => expect(faultyKeys({}, yaml(a(), a()))).toEqual(['webhooks[1].id']));

  it('R26: go to http only on a loopback host that may be called', () => {
    const local = a({ url: 'http://127.0.0.1:3000/hooks' });
    expect(load({}, yaml(local)).webhooks).toHaveLength(1);
    const closed = JSON.stringify({ outbound: { allow_private: false }, webhooks: [local] });
    expect(faultyKeys({}, closed)).toEqual(['webhooks[0].url']);
  });

  it('are of an organization that a provider names', () => {
    const saml_providers = [{ id: 'okta', metadata_url: 'https://okta.example/metadata', organization: 'okta-people' }];
    expect(
      load({}, JSON.stringify({ saml_providers, webhooks: [a({ organization: 'okta-people' })] })).webhooks,
    ).toHaveLength(1);
  });

  it('are delivered by rules with defaults and bounds', () => {
    expect(load().webhookDelivery).toEqual({
      timeoutMs: 10_000,
      concurrency: 32,
      concurrencyPerEndpoint: 4,
      firstRetryMs: 5_000,
      maxRetryMs: 21_600_000,
      giveUpMs: 259_200_000,
      keepDeliveredMs: 604_800_000,
      keepFailedMs: 2_592_000_000,
    });
    expect(faultyKeys({}, 'webhook_delivery: { timeout_ms: 30001, concurrency: 0 }')).toEqual([
      'webhook_delivery.timeout_ms',
      'webhook_delivery.concurrency',
    ]);
  });
});

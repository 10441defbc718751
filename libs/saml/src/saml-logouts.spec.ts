import { SigningIdp } from '../../../test/harness/saml-idp.js';
import { aProvider } from './identity/provider.spec-support.js';
import { SLO_URL, startBench, type Bench, type Instance } from './saml-facades.spec-support.js';
import type { LogoutJob } from './saml-verifier.js';
import { firstFailure } from './verdict.js';

const provider = aProvider();
const now = new Date();
const later = (seconds: number) => new Date(now.getTime() + seconds * 1000);

let bench: Bench;
beforeAll(async () => {
  bench = await startBench();
});
afterAll(() => bench.stop());

const parts = { now, destination: SLO_URL, nameId: 'alice', sessionIndexes: ['_s1', '_s2'] };
const posted = (parameter: 'SAMLRequest' | 'SAMLResponse', value: string): LogoutJob['message'] => ({
  binding: 'post',
  parameter,
  value,
});
const redirected = (query: string): LogoutJob['message'] => ({ binding: 'redirect', query });

const request = (instance: Instance, message: LogoutJob['message']) =>
  instance.logouts.readRequest({ provider, message, now });
const response = (instance: Instance, message: LogoutJob['message'], inResponseTo = '_ours') =>
  instance.logouts.readResponse({ provider, message, now, inResponseTo });

type Reading = Awaited<ReturnType<typeof request>> | Awaited<ReturnType<typeof response>>;
const refusedFor = (result: Reading) => (result.ok ? 'nothing' : firstFailure(result.verdicts)?.check);

describe('SamlLogouts', () => {
  it('reads a LogoutRequest of either binding', async () => {
    const instance = await bench.instance();
    const byPost = bench.idp.logoutRequestPost({ ...parts, notOnOrAfter: later(60) });
    const byRedirect = bench.idp.logoutRequestRedirect({ ...parts, sessionIndexes: [], notOnOrAfter: null });
    expect(await request(instance, posted('SAMLRequest', byPost.value))).toMatchObject({
      ok: true,
      request: {
        id: byPost.id,
        issuer: bench.idp.entityId,
        nameId: { value: 'alice' },
        sessionIndexes: ['_s1', '_s2'],
        issuedAt: now,
        until: later(60),
      },
    });
    expect(await request(instance, redirected(byRedirect.query))).toMatchObject({
      ok: true,
      request: { id: byRedirect.id, sessionIndexes: [], until: later(300) },
    });
  });

  it('reads a LogoutResponse of either binding', async () => {
    const instance = await bench.instance();
    const partial = ['urn:oasis:names:tc:SAML:2.0:status:Success', 'urn:oasis:names:tc:SAML:2.0:status:PartialLogout'];
    const byPost = bench.idp.logoutResponsePost({ now, destination: SLO_URL, inResponseTo: '_ours', status: partial });
    const byRedirect = bench.idp.logoutResponseRedirect({ now, destination: SLO_URL, inResponseTo: '_ours' });
    expect(await response(instance, posted('SAMLResponse', byPost.value))).toMatchObject({
      ok: true,
      response: { issuer: bench.idp.entityId, outcome: 'partial', statusCodes: partial },
    });
    expect(await response(instance, redirected(byRedirect.query))).toMatchObject({
      ok: true,
      response: { outcome: 'complete' },
    });
    expect(refusedFor(await response(instance, redirected(byRedirect.query), '_other'))).toBe('in-response-to');
  });

  it('takes no answer for a request, nor the other way', async () => {
    const instance = await bench.instance();
    const { query } = bench.idp.logoutResponseRedirect({ now, destination: SLO_URL, inResponseTo: '_ours' });
    expect(refusedFor(await request(instance, redirected(query)))).toBe('root-element');
    const asked = bench.idp.logoutRequestPost(parts);
    expect(refusedFor(await response(instance, posted('SAMLRequest', asked.value)))).toBe('root-element');
  });
});

describe('R14', () => {
  it('takes a LogoutRequest once, at whichever instance and by whichever binding', async () => {
    const [one, other] = [await bench.instance(), await bench.instance()];
    const { query, id } = bench.idp.logoutRequestRedirect(parts);
    expect(refusedFor(await request(one, redirected(query)))).toBe('nothing');
    expect(refusedFor(await request(other, redirected(query)))).toBe('replay');
    const again = bench.idp.logoutRequestPost({ ...parts, id });
    expect(refusedFor(await request(other, posted('SAMLRequest', again.value)))).toBe('replay');
  });

  it('lets one be sent again that could not be carried out', async () => {
    const instance = await bench.instance();
    const { query, id } = bench.idp.logoutRequestRedirect(parts);
    expect(refusedFor(await request(instance, redirected(query)))).toBe('nothing');
    await instance.logouts.forgetRequest(provider, id);
    expect(refusedFor(await request(instance, redirected(query)))).toBe('nothing');
  });

  it('refuses an expired one', async () => {
    const { query } = bench.idp.logoutRequestRedirect({ ...parts, notOnOrAfter: later(-121) });
    expect(refusedFor(await request(await bench.instance(), redirected(query)))).toBe('not-on-or-after');
  });
});

describe('R15', () => {
  it('refuses an unsigned one, and a stranger’s, by both bindings', async () => {
    const instance = await bench.instance();
    const stranger = await SigningIdp.create();
    const unsigned = [
      redirected(bench.idp.logoutRequestRedirect(parts, { sign: 'none' }).query),
      posted('SAMLRequest', bench.idp.logoutRequestPost(parts, { sign: 'none' }).value),
    ];
    for (const message of unsigned) expect(refusedFor(await request(instance, message))).toBe('signature-present');
    const foreign = [
      redirected(stranger.logoutRequestRedirect(parts).query),
      posted('SAMLRequest', stranger.logoutRequestPost(parts).value),
    ];
    for (const message of foreign) expect(refusedFor(await request(instance, message))).toBe('signature-value');
  });

  it('refuses one that another provider’s Issuer signed with the same key', async () => {
    const message = bench.idp.logoutRequestRedirect({ ...parts, issuer: 'https://other.test' });
    expect(refusedFor(await request(await bench.instance(), redirected(message.query)))).toBe('issuer');
  });
});

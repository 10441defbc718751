import { StoreUnavailable } from '@app/transient-store';
import { SigningIdp, type ResponseOptions } from '../../../test/harness/saml-idp.js';
import { aProvider } from './identity/provider.spec-support.js';
import { subjectKey } from './identity/subject-key.js';
import { ACS_URL, startBench, type Bench, type Instance } from './saml-facades.spec-support.js';
import type { AcceptedResponse } from './saml-responses.js';
import { diagnose } from './validation/diagnosis.js';
import { fingerprintOf } from './fingerprint.js';
import { firstFailure } from './verdict.js';

const PERSISTENT = 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent';
const provider = aProvider();
const now = new Date();

let bench: Bench;
beforeAll(async () => {
  bench = await startBench();
});
afterAll(() => bench.stop());

const answer = (parts: Partial<ResponseOptions> = {}, idp = bench.idp) =>
  idp.response({
    now,
    acsUrl: ACS_URL,
    audience: provider.entityId,
    inResponseTo: '_request',
    assertion: { nameId: 'alice', attributes: { mail: 'alice@corp.test' } },
    ...parts,
  });

const accept = (instance: Instance, samlResponse: string, inResponseTo: string | undefined = '_request') =>
  instance.responses.accept({ provider, samlResponse, inResponseTo, now });

const refusedFor = (result: AcceptedResponse) => (result.ok ? 'nothing' : firstFailure(result.verdicts)?.check);

describe('SamlResponses', () => {
  it('makes an identity of a right response, with every verdict', async () => {
    const result = await accept(await bench.instance(), answer().value);
    expect(refusedFor(result)).toBe('nothing');
    expect(result).toMatchObject({
      ok: true,
      identity: {
        provider: 'corp',
        issuer: bench.idp.entityId,
        subject: subjectKey({
          format: PERSISTENT,
          nameQualifier: undefined,
          spNameQualifier: undefined,
          value: 'alice',
        }),
        email: 'alice@corp.test',
        emailVerified: true,
      },
    });
    const checks = result.verdicts.map(({ check }) => check);
    for (const check of ['signature-value', 'audience', 'recipient', 'in-response-to', 'groups', 'replay'] as const) {
      expect(checks).toContain(check);
    }
  });

  it('refuses what the signature does not cover, before anything else is read', async () => {
    const message = answer({ edit: { signed: (xml) => xml.replace('>alice<', '>admin<') } });
    const result = await accept(await bench.instance(), message.value);
    expect(refusedFor(result)).toBe('digest-value');
  });

  it('asks for nothing that the provider’s record leaves open, and insists on what it does not', async () => {
    const instance = await bench.instance();
    const strict = aProvider({
      requestedAuthnContext: { classes: ['urn:mfa'], comparison: 'exact', accepted: ['urn:mfa'] },
      wantAssertionsSigned: true,
    });
    const arrived = { provider: strict, inResponseTo: '_request', now };
    const covered = await instance.responses.accept({ ...arrived, samlResponse: answer({ sign: 'response' }).value });
    expect(covered.verdicts.filter(({ ok }) => !ok).map(({ check }) => check)).toEqual([
      'signature-present',
      'authn-context',
    ]);
  });

  it('D32: checks the configured context whatever a login asked for, and what it asked for beside it', async () => {
    const instance = await bench.instance();
    const floor = aProvider({
      requestedAuthnContext: { classes: ['urn:mfa'], comparison: 'minimum', accepted: ['urn:mfa', 'urn:passkey'] },
    });
    const refusals = async (authnContextClassRef: string, contextClasses: readonly string[], record = floor) => {
      const assertion = { nameId: 'alice', authn: { authnContextClassRef } };
      const samlResponse = answer({ assertion }).value;
      const arrived = { provider: record, samlResponse, inResponseTo: '_request', now, contextClasses };
      const { verdicts } = await instance.responses.accept(arrived);
      return verdicts.filter(({ ok }) => !ok).map(({ check, expected }) => [check, expected]);
    };
    const configured = ['authn-context', 'AuthnContextClassRef "urn:mfa", "urn:passkey"'];
    expect(await refusals('urn:passkey', [])).toEqual([]);
    expect(await refusals('urn:password', [])).toEqual([configured]);
    expect(await refusals('urn:password', ['urn:password'])).toEqual([configured]);
    expect(await refusals('urn:passkey', ['urn:passkey'])).toEqual([]);
    expect(await refusals('urn:mfa', ['urn:passkey'])).toEqual([
      ['authn-context', 'AuthnContextClassRef "urn:passkey"'],
    ]);
    expect(await refusals('urn:mfa', ['urn:other'], provider)).toEqual([
      ['authn-context', 'AuthnContextClassRef "urn:other"'],
    ]);
  });
});

describe('R10', () => {
  it('takes an assertion once, at whichever instance', async () => {
    const [one, other] = [await bench.instance(), await bench.instance()];
    const { value } = answer();
    expect(refusedFor(await accept(one, value))).toBe('nothing');
    expect(refusedFor(await accept(other, value))).toBe('replay');
    expect(refusedFor(await accept(one, value))).toBe('replay');
  });

  it('lets one of many through that come at once', async () => {
    const instances = await Promise.all([1, 2, 3].map(() => bench.instance()));
    const { value } = answer();
    const results = await Promise.all(instances.flatMap((one) => [accept(one, value), accept(one, value)]));
    expect(results.filter(({ ok }) => ok)).toHaveLength(1);
  });

  it('takes an unsolicited one once too', async () => {
    const instance = await bench.instance();
    const { value } = answer({ inResponseTo: undefined });
    const unsolicited = { provider, samlResponse: value, inResponseTo: undefined, now };
    expect(refusedFor(await instance.responses.accept(unsolicited))).toBe('nothing');
    expect(refusedFor(await instance.responses.accept(unsolicited))).toBe('replay');
  });

  it('remembers the assertion, not the message around it', async () => {
    const instance = await bench.instance();
    const id = '_0123456789abcdef';
    const nameId = 'alice';
    expect(refusedFor(await accept(instance, answer({ assertion: { id, nameId } }).value))).toBe('nothing');
    const other = answer({ inResponseTo: '_other', assertion: { id, nameId } });
    expect(refusedFor(await accept(instance, other.value, '_other'))).toBe('replay');
  });

  it('remembers it until no instance’s clock would still take it', async () => {
    const instance = await bench.instance();
    const ttls: number[] = [];
    const setIfAbsent = instance.store.setIfAbsent.bind(instance.store);
    instance.store.setIfAbsent = (key, value, ttlMs) => {
      ttls.push(ttlMs);
      return setIfAbsent(key, value, ttlMs);
    };
    const end = new Date(now.getTime() + 3_600_000);
    await accept(instance, answer({ assertion: { nameId: 'alice', conditions: { notOnOrAfter: end } } }).value);
    expect(ttls).toEqual([3_600_000 + 240_000]);
  });

  it('does not use up an assertion that it refuses', async () => {
    const instance = await bench.instance();
    const { value } = answer();
    expect(refusedFor(await accept(instance, value, '_other'))).toBe('in-response-to');
    expect(refusedFor(await accept(instance, value))).toBe('nothing');
  });

  it('refuses everybody where the store is gone', async () => {
    const instance = await bench.instance();
    await instance.store.close();
    await expect(accept(instance, answer().value)).rejects.toThrow(StoreUnavailable);
  });
});

describe('an IdP that changed its key', () => {
  it('is asked for its metadata once, and the login goes on', async () => {
    const idp = await SigningIdp.create();
    const instance = await bench.instance({ idp });
    const old = idp.certificates;
    instance.known.certificates = [...old];
    idp.signingKey = await idp.addKey();
    instance.known.published = [...idp.certificates];
    expect(refusedFor(await accept(instance, answer({}, idp).value))).toBe('nothing');
    expect(instance.known.refreshes).toBe(1);
  });

  it('is refused where its metadata does not know the key either, with both fingerprints', async () => {
    const stranger = await SigningIdp.create();
    const instance = await bench.instance();
    const result = await accept(instance, answer({}, stranger).value);
    expect(refusedFor(result)).toBe('signature-value');
    expect(instance.known.refreshes).toBe(1);
    const diagnosis = diagnose(result.verdicts);
    expect(diagnosis).toContain(fingerprintOf(bench.idp.certificate));
    expect(diagnosis).toContain(fingerprintOf(stranger.certificate));
  });

  it('is not asked for a message that was changed', async () => {
    const instance = await bench.instance();
    await accept(instance, answer({ edit: { signed: (xml) => xml.replace('>alice<', '>admin<') } }).value);
    await accept(instance, 'nonsense');
    expect(instance.known.refreshes).toBe(0);
  });
});

describe('R8', () => {
  it('refuses everything of a provider without a key', async () => {
    const instance = await bench.instance();
    instance.known.certificates = [];
    instance.known.published = [];
    expect(refusedFor(await accept(instance, answer({ sign: 'none' }).value))).toBe('certificate');
  });
});

describe('R11', () => {
  it('refuses a provider that is not enabled any more', async () => {
    const instance = await bench.instance();
    instance.known.provider = undefined;
    expect(refusedFor(await accept(instance, answer().value))).toBe('provider');
  });
});

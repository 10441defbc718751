import { Logger } from '@nestjs/common';
import { loadConfig, type SamlProviderConfig } from '@app/config';
import type { AuditEvent, AuditLog } from '@app/audit';
import { OAuthError } from '@app/oauth2';
import {
  failed,
  passed,
  VerifierBusy,
  type AcceptedResponse,
  type ArrivedResponse,
  type IdentityProviders,
  type SamlIdentity,
  type SamlResponses,
  type SamlVerifier,
} from '@app/saml';
import { openStore, type OpenStore } from '@app/transient-store';
import { AssertionConsumer } from './assertion-consumer.js';
import { SamlRefusals } from './saml-refusals.js';
import { SamlTransactions, type SamlTransaction } from './saml-transactions.js';

// Refusals are what this is about; their lines would drown the results.
Logger.overrideLogger(false);

const NOW = new Date('2026-03-01T12:00:00Z');
const CONTEXT = { requestId: 'request-1', remoteAddress: '192.0.2.1' };
const PROVIDER = {
  id: 'acme',
  entityId: 'https://gatehouse.example/acme',
  allowIdpInitiated: true,
} as SamlProviderConfig;
const TRANSACTION: SamlTransaction = {
  providerId: 'acme',
  idpEntityId: 'https://idp.example',
  entityId: PROVIDER.entityId,
  requestId: '_request',
  begunAtMs: NOW.getTime() - 60_000,
  forced: 'as-needed',
  contextClasses: [],
  browser: 'hash',
  request: {
    idp: 'acme',
    clientId: 'web',
    delivery: { kind: 'json' },
    namedTarget: undefined,
    scopes: ['openid'],
    state: undefined,
    nonce: undefined,
    loginHint: undefined,
    prompt: undefined,
    maxAge: undefined,
    acrValues: undefined,
    uiLocales: undefined,
    organization: undefined,
    party: 'first',
    resource: undefined,
  },
};
const IDENTITY: SamlIdentity = {
  provider: 'acme',
  issuer: 'https://idp.example',
  subject: 'alice',
  email: undefined,
  emailVerified: false,
  name: undefined,
  groups: [],
  authTime: 1,
  acr: undefined,
  amr: undefined,
  nameId: { format: undefined, nameQualifier: undefined, spNameQualifier: undefined, value: 'alice' },
  sessionIndexes: ['_1'],
  sessionNotOnOrAfter: new Date('2026-03-01T20:00:00Z'),
  authnInstant: NOW,
};

let store: OpenStore;
let transactions: SamlTransactions;
let asked: ArrivedResponse[];
/** What verification answers next, and which providers are on: the faults of these tests. */
let outcome: () => AcceptedResponse;
let enabled: SamlProviderConfig[];
let now: Date;
/** Rows of the audit. */
let recorded: AuditEvent[];
/** Lines of the log. */
let warnings: jest.SpyInstance;
let consumer: AssertionConsumer;

beforeEach(async () => {
  now = NOW;
  recorded = [];
  warnings = jest.spyOn(Logger.prototype, 'warn').mockImplementation();
  store = await openStore({ redisUrl: undefined, now: () => now.getTime(), log: () => undefined });
  transactions = new SamlTransactions(
    store.store,
    loadConfig({}, () => ''),
  );
  asked = [];
  enabled = [PROVIDER];
  outcome = () => ({ ok: true, identity: IDENTITY, verdicts: [] });
  const providers = {
    find: (id: string) => enabled.find((provider) => provider.id === id),
    byIssuer: () => enabled,
  } as unknown as IdentityProviders;
  const responses = {
    accept: async (arrived: ArrivedResponse) => {
      asked.push(arrived);
      return Promise.resolve().then(outcome);
    },
  } as unknown as SamlResponses;
  const verifier = {
    peek: async () =>
      Promise.resolve({ ok: true, facts: { issuer: 'https://idp.example', inResponseTo: undefined }, verdicts: [] }),
  } as unknown as SamlVerifier;
  const audit = { recordApart: (event: AuditEvent) => void recorded.push(event) } as unknown as AuditLog;
  const refusals = new SamlRefusals(audit, transactions);
  consumer = new AssertionConsumer(providers, responses, verifier, transactions, refusals, () => now);
});
afterEach(async () => {
  warnings.mockRestore();
  await store.close();
});

async function posted(transaction: SamlTransaction = TRANSACTION) {
  const relayState = transactions.newRelayState();
  await transactions.save(relayState, transaction);
  return { samlResponse: 'x', relayState };
}
const outcomeOf = async (ticket: string) => transactions.takeOutcome(ticket);

describe('an answer to a login of ours', () => {
  it('keeps the identity whole until the browser comes back', async () => {
    const found = await outcomeOf(await consumer.consume(await posted(), CONTEXT));
    expect(found).toEqual({ kind: 'identity', transaction: TRANSACTION, identity: IDENTITY, reference: 'request-1' });
  });

  it('D23 D32: is asked for all that the login was', async () => {
    const transaction: SamlTransaction = {
      ...TRANSACTION,
      forced: 'forced',
      contextClasses: ['urn:mfa'],
      request: { ...TRANSACTION.request, maxAge: 60 },
    };
    await consumer.consume(await posted(transaction), CONTEXT);
    expect(asked).toEqual([
      {
        provider: PROVIDER,
        samlResponse: 'x',
        inResponseTo: '_request',
        now: NOW,
        maxAuthAgeSeconds: 60,
        forceAuthnSince: new Date(transaction.begunAtMs),
        contextClasses: ['urn:mfa'],
      },
    ]);
  });

  it.each([
    ['R11: disabled meanwhile', []],
    ['another one meanwhile', [{ ...PROVIDER, entityId: 'https://gatehouse.example/renamed' }]],
  ])('is refused when its provider is %s, and not even verified', async (_what, providers) => {
    const form = await posted();
    enabled = providers;
    const found = await outcomeOf(await consumer.consume(form, CONTEXT));
    expect([found?.kind, asked]).toEqual(['refused', []]);
  });

  it('D23: is refused when another IdP than the one that was asked vouches for it', async () => {
    outcome = () => ({ ok: true, identity: { ...IDENTITY, issuer: 'https://new-idp.example' }, verdicts: [] });
    expect((await outcomeOf(await consumer.consume(await posted(), CONTEXT)))?.kind).toBe('refused');
  });

  it('R13: is not lost when nobody has time for it: 503, and the same post again', async () => {
    const form = await posted();
    outcome = () => {
      throw new VerifierBusy('all are busy');
    };
    const refusal = await consumer.consume(form, CONTEXT).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(OAuthError);
    expect(refusal).toMatchObject({ code: 'temporarily_unavailable', status: 503, retryAfterSeconds: 5 });
    outcome = () => ({ ok: true, identity: IDENTITY, verdicts: [] });
    expect((await outcomeOf(await consumer.consume(form, CONTEXT)))?.kind).toBe('identity');
  });

  it('R22: has its ten minutes and no more, however often nobody has time', async () => {
    const form = await posted({ ...TRANSACTION, begunAtMs: NOW.getTime() });
    outcome = () => {
      throw new VerifierBusy('all are busy');
    };
    for (const minutes of [4, 8]) {
      now = new Date(NOW.getTime() + minutes * 60_000);
      await expect(consumer.consume(form, CONTEXT)).rejects.toMatchObject({ status: 503 });
    }
    now = new Date(NOW.getTime() + 10 * 60_000);
    expect(await transactions.take(form.relayState)).toBeUndefined();
  });

  it('is lost by a fault, like any one-time value', async () => {
    const form = await posted();
    outcome = () => {
      throw new Error('a fault');
    };
    await expect(consumer.consume(form, CONTEXT)).rejects.toThrow('a fault');
    expect(await transactions.take(form.relayState)).toBeUndefined();
  });
});

describe('D40 a refusal in the audit', () => {
  const refuse = async (context = CONTEXT) => outcomeOf(await consumer.consume(await posted(), context));

  it('is one row a minute for a provider, check and address, though strangers begin logins of ours', async () => {
    outcome = () => ({ ok: false, verdicts: [failed('signature-value', 'a', 'b')] });
    for (let n = 0; n < 5; n += 1) expect((await refuse())?.kind).toBe('refused');
    expect([recorded.length, warnings.mock.calls.length]).toEqual([1, 5]);
    await refuse({ ...CONTEXT, remoteAddress: '192.0.2.2' });
    outcome = () => ({ ok: false, verdicts: [failed('audience', 'a', 'b')] });
    await refuse();
    expect(recorded).toHaveLength(3);
    now = new Date(NOW.getTime() + 60_000);
    await refuse();
    expect(recorded).toHaveLength(4);
  });

  it('R31: has no value of what passed', async () => {
    const verdicts = [passed('name-id', 'a NameID', '"alice"'), failed('audience', 'ours', '"another"')];
    outcome = () => ({ ok: false, verdicts });
    await refuse();
    expect(recorded).toMatchObject([{ kind: 'saml.refused', check: 'audience' }]);
    expect(recorded[0]).toHaveProperty('verdicts', [{ check: 'name-id', ok: true }, verdicts[1]]);
    expect(JSON.stringify(warnings.mock.calls)).not.toContain('alice');
  });
});

describe('D36 several providers with one Issuer', () => {
  it('are tried in turn, each with its own entity_id; the one that fits begins a login', async () => {
    const other = { ...PROVIDER, id: 'other', entityId: 'https://gatehouse.example/other' };
    const closed = { ...PROVIDER, id: 'closed', allowIdpInitiated: false };
    enabled = [closed, PROVIDER, other];
    outcome = () =>
      asked.at(-1)?.provider.id === 'other'
        ? { ok: true, identity: IDENTITY, verdicts: [] }
        : { ok: false, verdicts: [failed('audience', 'a', 'b')] };
    const found = await outcomeOf(await consumer.consume({ samlResponse: 'x', relayState: undefined }, CONTEXT));
    expect(found).toMatchObject({ kind: 'unsolicited', providerId: 'other' });
    expect(asked.map(({ provider, inResponseTo }) => [provider.id, inResponseTo])).toEqual([
      ['acme', undefined],
      ['other', undefined],
    ]);
  });

  it('answers 503 when nobody has time', async () => {
    outcome = () => {
      throw new VerifierBusy('all are busy');
    };
    await expect(consumer.consume({ samlResponse: 'x', relayState: undefined }, CONTEXT)).rejects.toMatchObject({
      status: 503,
    });
  });
});

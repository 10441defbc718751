import { loadConfig } from '@app/config';
import type { SamlIdentity } from '@app/saml';
import { openStore, type OpenStore } from '@app/transient-store';
import { SamlTransactions, type SamlOutcome, type SamlTransaction } from './saml-transactions.js';

const MINUTE = 60_000;
const TRANSACTION = { providerId: 'acme', requestId: '_r', browser: 'hash' } as SamlTransaction;
const IDENTITY = {
  provider: 'acme',
  subject: 'alice',
  authnInstant: new Date('2026-03-01T12:00:00.123Z'),
  sessionNotOnOrAfter: new Date('2026-03-01T20:00:00Z'),
} as SamlIdentity;

let now: number;
let store: OpenStore;
let transactions: SamlTransactions;
beforeEach(async () => {
  now = Date.parse('2026-03-01T12:00:00Z');
  store = await openStore({ redisUrl: undefined, now: () => now, log: () => undefined });
  transactions = new SamlTransactions(
    store.store,
    loadConfig({}, () => ''),
  );
});
afterEach(() => store.close());

const unsolicited: SamlOutcome = { kind: 'unsolicited', providerId: 'acme', relayState: undefined, reference: 'r' };

describe('D10 R22 a SAML login in flight', () => {
  it('is known by 256 random bits that fit into RelayState (bindings §3.4.3)', () => {
    const states = Array.from({ length: 50 }, () => transactions.newRelayState());
    expect(new Set(states).size).toBe(50);
    for (const state of states) expect(Buffer.from(state, 'base64url')).toHaveLength(32);
  });

  it('is taken once, and not after ten minutes', async () => {
    const [one, two] = [transactions.newRelayState(), transactions.newRelayState()];
    await transactions.save(one, TRANSACTION);
    await transactions.save(two, TRANSACTION);
    now += 10 * MINUTE - 1;
    expect(await transactions.take(one)).toEqual(TRANSACTION);
    expect(await transactions.take(one)).toBeUndefined();
    now += 1;
    expect(await transactions.take(two)).toBeUndefined();
  });

  it('is put back for the rest of its ten minutes, and never for longer', async () => {
    const relayState = transactions.newRelayState();
    const transaction = { ...TRANSACTION, begunAtMs: now };
    const end = now + 10 * MINUTE;
    await transactions.save(relayState, transaction);
    for (now of [end - 9 * MINUTE, end - MINUTE, end - 1]) {
      expect(await transactions.take(relayState)).toEqual(transaction);
      await transactions.putBack(relayState, transaction, new Date(now));
    }
    now = end;
    expect(await transactions.take(relayState)).toBeUndefined();
    await transactions.putBack(relayState, transaction, new Date(now));
    expect(await transactions.take(relayState)).toBeUndefined();
  });

  it('is not found by what is not ours, nor by a ticket', async () => {
    const ticket = await transactions.issueTicket(unsolicited);
    for (const other of ['', '*', 'x'.repeat(43), ticket]) expect(await transactions.take(other)).toBeUndefined();
    expect(await transactions.takeOutcome(ticket)).toEqual(unsolicited);
  });

  it('waits two minutes for its browser, and for one', async () => {
    const [one, two] = [await transactions.issueTicket(unsolicited), await transactions.issueTicket(unsolicited)];
    now += 2 * MINUTE - 1;
    expect(await transactions.takeOutcome(one)).toEqual(unsolicited);
    expect(await transactions.takeOutcome(one)).toBeUndefined();
    now += 1;
    expect(await transactions.takeOutcome(two)).toBeUndefined();
  });

  it('keeps instants to the millisecond', async () => {
    const outcome: SamlOutcome = { kind: 'identity', transaction: TRANSACTION, identity: IDENTITY, reference: 'r' };
    expect(await transactions.takeOutcome(await transactions.issueTicket(outcome))).toEqual(outcome);
    const { sessionNotOnOrAfter: _, ...endless } = IDENTITY;
    const other: SamlOutcome = { ...outcome, identity: endless as SamlIdentity };
    const taken = await transactions.takeOutcome(await transactions.issueTicket(other));
    expect(taken).toMatchObject({ identity: { sessionNotOnOrAfter: undefined } });
  });
});

describe('D36', () => {
  it('lets a browser come unasked once a minute', async () => {
    expect(await transactions.firstUnsolicited('one')).toBe(true);
    expect(await transactions.firstUnsolicited('two')).toBe(true);
    now += MINUTE - 1;
    expect(await transactions.firstUnsolicited('one')).toBe(false);
    now += 1;
    expect(await transactions.firstUnsolicited('one')).toBe(true);
  });
});

import { loadConfig } from '@app/config';
import { openStore } from '@app/transient-store';
import { SamlTransactions } from './saml-transactions.js';
import { SAML_TICKET_LIFETIME_MS } from './ticket-lifetime.js';

describe('D10 a ticket of the assertion consumer service', () => {
  it('is good for its lifetime and no longer, which logouts count on', async () => {
    let now = Date.parse('2026-03-01T12:00:00Z');
    const { store, close } = await openStore({ redisUrl: undefined, now: () => now, log: () => undefined });
    const transactions = new SamlTransactions(
      store,
      loadConfig({}, () => ''),
    );
    const outcome = { kind: 'unsolicited', providerId: 'acme', relayState: undefined, reference: 'r' } as const;
    const [used, late] = [await transactions.issueTicket(outcome), await transactions.issueTicket(outcome)];
    now += SAML_TICKET_LIFETIME_MS - 1;
    expect(await transactions.takeOutcome(used)).toEqual(outcome);
    now += 1;
    expect(await transactions.takeOutcome(late)).toBeUndefined();
    await close();
  });
});

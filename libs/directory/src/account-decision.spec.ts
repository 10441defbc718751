import { decideAccount, type AccountDecision, type AccountFacts, type EmailHolder } from './account-decision.js';
import { parseEmailAddress } from './email-address.js';

const ORGANIZATION = 'org-1';
const provider = {
  id: 'acme',
  enabled: true,
  organizationId: ORGANIZATION,
  linkByVerifiedEmailDomains: ['acme.example'],
};
const holder: EmailHolder = {
  userId: 'holder',
  organizationId: ORGANIZATION,
  emailVerified: true,
  disabled: false,
  isAdministrator: false,
  providers: ['other'],
  linkByVerifiedEmailDomains: ['other.example', 'acme.example'],
};

/** A new identity whose verified e-mail belongs to a user that it may be linked to. */
const linkable: AccountFacts = {
  provider,
  knownUser: undefined,
  email: parseEmailAddress('ada@acme.example'),
  emailVerified: true,
  emailHolder: holder,
};

function conflict(reason: string): AccountDecision {
  return { outcome: 'conflict', holderId: 'holder', reason } as AccountDecision;
}

const TABLE: readonly (readonly [string, Partial<AccountFacts>, AccountDecision])[] = [
  ['links where everything allows it', {}, { outcome: 'link', userId: 'holder' }],
  [
    'compares domains without case',
    { provider: { ...provider, linkByVerifiedEmailDomains: ['ACME.example'] } },
    { outcome: 'link', userId: 'holder' },
  ],
  ['makes a user when nobody has the e-mail', { emailHolder: undefined }, { outcome: 'create' }],
  ['makes a user when there is no e-mail', { email: undefined, emailHolder: undefined }, { outcome: 'create' }],
  [
    'knows an identity by its key, whoever has its e-mail',
    { knownUser: { userId: 'me', disabled: false } },
    { outcome: 'sign-in', userId: 'me' },
  ],
  [
    'refuses a disabled user',
    { knownUser: { userId: 'me', disabled: true } },
    { outcome: 'denied', reason: 'user_disabled' },
  ],
  [
    'refuses a disabled provider to known users',
    { provider: { ...provider, enabled: false }, knownUser: { userId: 'me', disabled: false } },
    { outcome: 'denied', reason: 'provider_disabled' },
  ],
  [
    'refuses a disabled provider to new ones',
    { provider: { ...provider, enabled: false }, emailHolder: undefined },
    { outcome: 'denied', reason: 'provider_disabled' },
  ],
  [
    'does not link without the setting',
    { provider: { ...provider, linkByVerifiedEmailDomains: [] } },
    conflict('linking_not_allowed'),
  ],
  [
    'does not link in another domain',
    { email: parseEmailAddress('ada@sub.acme.example') },
    conflict('linking_not_allowed'),
  ],
  [
    'R17 does not link to a holder whose own providers may not link in that domain',
    { emailHolder: { ...holder, linkByVerifiedEmailDomains: ['other.example'] } },
    conflict('linking_not_allowed_for_holder'),
  ],
  ['does not link an unverified claim', { emailVerified: false }, conflict('claim_not_verified')],
  [
    'does not link to an unverified holder',
    { emailHolder: { ...holder, emailVerified: false } },
    conflict('holder_not_verified'),
  ],
  [
    'does not link across organizations',
    { emailHolder: { ...holder, organizationId: 'org-2' } },
    conflict('other_organization'),
  ],
  [
    'never links to an administrator',
    { emailHolder: { ...holder, isAdministrator: true } },
    conflict('holder_is_administrator'),
  ],
  [
    'does not link to a disabled holder',
    { emailHolder: { ...holder, disabled: true } },
    conflict('holder_is_disabled'),
  ],
  [
    'does not link a second subject of one provider',
    { emailHolder: { ...holder, providers: ['other', 'acme'] } },
    conflict('holder_has_identity_at_provider'),
  ],
];

describe('D17 account decision', () => {
  it.each(TABLE)('%s', (_rule, facts, expected) => {
    expect(decideAccount({ ...linkable, ...facts })).toEqual(expected);
  });
});

describe('R17', () => {
  it('links in exactly one of all combinations of what it looks at', () => {
    const booleans = [true, false];
    let links = 0;
    for (const allowed of booleans)
      for (const claimVerified of booleans)
        for (const holderVerified of booleans)
          for (const sameOrganization of booleans)
            for (const administrator of booleans)
              for (const disabled of booleans)
                for (const enabled of booleans) {
                  const decision = decideAccount({
                    ...linkable,
                    provider: { ...provider, enabled, linkByVerifiedEmailDomains: allowed ? ['acme.example'] : [] },
                    emailVerified: claimVerified,
                    emailHolder: {
                      ...holder,
                      emailVerified: holderVerified,
                      organizationId: sameOrganization ? ORGANIZATION : 'org-2',
                      isAdministrator: administrator,
                      disabled,
                    },
                  });
                  if (decision.outcome === 'link') links += 1;
                  expect(['link', 'conflict', 'denied']).toContain(decision.outcome);
                }
    expect(links).toBe(1);
  });
});

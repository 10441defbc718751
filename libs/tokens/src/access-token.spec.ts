import { machineClaims, principalOf, revocationClaims, userClaims, type TokenFrame } from './access-token.js';
import type { SessionFacts } from './session-facts.js';

const FRAME: TokenFrame = { issuer: 'https://id.example', tokenId: 'jti-1', issuedAt: 1_000, expiresAt: 1_900 };

const facts = (overrides: Partial<SessionFacts> = {}): SessionFacts => ({
  sessionId: 'session-1',
  sid: 'session',
  userId: 'user-1',
  clientId: 'web',
  providerId: 'acme',
  organizationId: 'org-1',
  userGeneration: 3,
  providerGeneration: 4,
  organizationGeneration: 5,
  clientGeneration: undefined,
  email: 'ada@acme.example',
  emailVerified: true,
  name: 'Ada',
  groups: ['admins', 'engineers'],
  authTime: 900,
  acr: undefined,
  amr: undefined,
  ...overrides,
});

const machine = {
  clientId: 'tmi_cc_x',
  ownerId: 'user-1',
  organizationId: 'org-1',
  generation: 6,
  ownerGeneration: 3,
  organizationGeneration: 5,
};

describe('RFC 9068 §2.2', () => {
  it('writes every required claim of a person, and sub is our own stable id', () => {
    expect(userClaims(FRAME, facts(), ['openid'])).toMatchObject({
      iss: 'https://id.example',
      aud: 'https://id.example',
      exp: 1_900,
      iat: 1_000,
      nbf: 1_000,
      sub: 'user-1',
      client_id: 'web',
      jti: 'jti-1',
      scope: 'openid',
    });
  });

  it('writes every required claim of a machine, whose sub is its client_id', () => {
    expect(machineClaims(FRAME, machine, ['introspect'])).toEqual({
      iss: 'https://id.example',
      aud: 'https://id.example',
      exp: 1_900,
      iat: 1_000,
      nbf: 1_000,
      sub: 'tmi_cc_x',
      client_id: 'tmi_cc_x',
      jti: 'jti-1',
      scope: 'introspect',
      org: 'org-1',
      own: 'user-1',
      gen: { u: 3, c: 6, o: 5 },
    });
  });
});

describe('D19', () => {
  it.each([
    [['openid'], []],
    [
      ['openid', 'email'],
      ['email', 'email_verified'],
    ],
    [
      ['openid', 'profile'],
      ['name', 'groups'],
    ],
    [['openid', 'groups'], ['groups']],
    [
      ['openid', 'email', 'profile'],
      ['email', 'email_verified', 'name', 'groups'],
    ],
  ])('puts in by scope %j the identity claims %j', (scopes, expected) => {
    const claims = userClaims(FRAME, facts(), scopes) as unknown as Record<string, unknown>;
    const identity = ['email', 'email_verified', 'name', 'groups', 'groups_overage'].filter((name) => name in claims);
    expect(identity).toEqual(expected);
    expect(claims).toMatchObject({ sid: 'session-1', idp: 'acme' });
  });

  it.each([
    [0, false],
    [100, false],
    [101, true],
  ])('with %i groups, groups_overage is %s', (count, overage) => {
    const groups = Array.from({ length: count }, (_, n) => `group-${n}`);
    const claims = userClaims(FRAME, facts({ groups }), ['openid', 'profile']);
    expect(claims.groups).toEqual(overage ? undefined : groups);
    expect(claims.groups_overage).toBe(overage ? true : undefined);
  });

  it('says nothing of too many groups to whom did not ask', () => {
    const groups = Array.from({ length: 101 }, (_, n) => `group-${n}`);
    expect(userClaims(FRAME, facts({ groups }), ['openid', 'email'])).not.toHaveProperty('groups_overage');
  });

  it('leaves out a name that is not known', () => {
    expect(userClaims(FRAME, facts({ name: undefined }), ['openid', 'profile'])).not.toHaveProperty('name');
  });
});

describe('D20 what kills a token', () => {
  it('of a person: token, session, user, provider, organization, each at its generation', () => {
    expect(new Set(revocationClaims(userClaims(FRAME, facts(), ['openid'])))).toEqual(
      new Set([
        { subject: 'token:jti-1', generation: 0 },
        { subject: 'session:session-1', generation: 0 },
        { subject: 'user:user-1', generation: 3 },
        { subject: 'provider:acme', generation: 4 },
        { subject: 'organization:org-1', generation: 5 },
      ]),
    );
  });

  it('of a machine: token, client, owner, organization', () => {
    expect(new Set(revocationClaims(machineClaims(FRAME, machine, [])))).toEqual(
      new Set([
        { subject: 'token:jti-1', generation: 0 },
        { subject: 'client:tmi_cc_x', generation: 6 },
        { subject: 'user:user-1', generation: 3 },
        { subject: 'organization:org-1', generation: 5 },
      ]),
    );
  });
});

describe('D30 R30 whom the claims make', () => {
  it('a person out of a session and a provider', () => {
    expect(principalOf(userClaims(FRAME, facts(), ['openid', 'email']))).toEqual({
      kind: 'user',
      party: 'first',
      tokenId: 'jti-1',
      clientId: 'web',
      organizationId: 'org-1',
      scopes: ['openid', 'email'],
      expiresAt: 1_900,
      userId: 'user-1',
      sessionId: 'session-1',
      providerId: 'acme',
    });
  });

  it('a machine that never is its owner', () => {
    const principal = principalOf(machineClaims(FRAME, machine, []));
    expect(principal).toMatchObject({ kind: 'machine', clientId: 'tmi_cc_x', ownerId: 'user-1', scopes: [] });
    expect(principal).not.toHaveProperty('userId');
    expect(principal).not.toHaveProperty('sessionId');
  });

  it('nobody when what makes either is missing', () => {
    const { sid: _sid, ...withoutSession } = userClaims(FRAME, facts(), ['openid']);
    expect(principalOf(withoutSession)).toBeUndefined();
    const { own: _own, ...withoutOwner } = machineClaims(FRAME, machine, []);
    expect(principalOf(withoutOwner)).toBeUndefined();
  });
});

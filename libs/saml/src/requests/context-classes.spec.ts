import { narrowedClasses } from './context-classes.js';

describe('D32 the classes that a login names', () => {
  const requestedAuthnContext = {
    classes: ['urn:mfa'],
    comparison: 'minimum',
    accepted: ['urn:mfa', 'urn:passkey'],
  } as const;
  const narrowed = (...asked: string[]) => narrowedClasses({ requestedAuthnContext }, asked);

  it('are free where the provider has no rule', () => {
    expect(narrowedClasses({ requestedAuthnContext: undefined }, ['urn:any', 'urn:other'])).toEqual([
      'urn:any',
      'urn:other',
    ]);
  });

  it('narrow what the provider accepts, in their own order, and drop the rest', () => {
    expect(narrowed('urn:passkey')).toEqual(['urn:passkey']);
    expect(narrowed('urn:password', 'urn:passkey', 'urn:mfa')).toEqual(['urn:passkey', 'urn:mfa']);
  });

  it('leave none where all are outside, which is not the same as naming none', () => {
    expect(narrowed('urn:password')).toBeUndefined();
    expect(narrowed('URN:MFA', 'urn:mfa ')).toBeUndefined();
    expect(narrowed()).toEqual([]);
  });
});

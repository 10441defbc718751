import { parseEmailAddress } from './email-address.js';
import { placeholderEmail } from './email-address.js';
import { updateProfile } from './profile-update.js';

const shown = { email: 'ada@acme.example', emailVerified: true, name: 'Ada' };
const before = { email: 'ada@acme.example', emailVerified: true, name: 'Ada' };
const told = (email: string | undefined, emailVerified: boolean, name: string | undefined) => ({
  email: email === undefined ? undefined : parseEmailAddress(email),
  emailVerified,
  name,
});

describe('D17 profile', () => {
  it('changes nothing when nothing changed', () => {
    expect(updateProfile(shown, before, told('ada@acme.example', true, 'Ada'), [])).toEqual({
      email: undefined,
      emailVerified: true,
      name: 'Ada',
    });
  });

  it('follows the identity that the e-mail and the name came from', () => {
    const update = updateProfile(shown, before, told('countess@acme.example', false, 'Countess'), []);
    expect(update).toEqual({
      email: parseEmailAddress('countess@acme.example'),
      emailVerified: false,
      name: 'Countess',
    });
  });

  it('does not follow a second identity', () => {
    const second = { email: 'ada@home.example', emailVerified: true, name: 'A.' };
    const update = updateProfile(shown, second, told('ada2@home.example', true, 'A. L.'), [before]);
    expect(update).toEqual({ email: undefined, emailVerified: true, name: 'Ada' });
  });

  it('lowers verification when the only voucher takes it back, and not while another vouches', () => {
    const takenBack = told('ada@acme.example', false, 'Ada');
    expect(updateProfile(shown, before, takenBack, []).emailVerified).toBe(false);
    expect(updateProfile(shown, before, takenBack, [before]).emailVerified).toBe(true);
  });

  it('keeps the e-mail when the provider tells none', () => {
    expect(updateProfile(shown, before, told(undefined, false, undefined), [])).toEqual({
      email: undefined,
      emailVerified: true,
      name: 'Ada',
    });
  });
});

describe('D54', () => {
  it('gives the placeholder up for any real address', () => {
    const nameless = { email: placeholderEmail('u'), emailVerified: false, name: undefined };
    const none = { email: undefined, emailVerified: false, name: undefined };
    expect(updateProfile(nameless, none, told('ada@acme.example', true, 'Ada'), [])).toEqual({
      email: parseEmailAddress('ada@acme.example'),
      emailVerified: true,
      name: 'Ada',
    });
  });
});

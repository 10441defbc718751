import fc from 'fast-check';
import { narrowedToken, type NarrowingWish } from './narrowed-token.js';

const US = 'https://gatehouse.example';
const [ONE, TWO, THREE] = ['https://one.example/', 'https://two.example/', 'urn:example:three'];
const NOTHING: NarrowingWish = { scopes: undefined, resource: undefined, audience: undefined };
const registered = { scopes: ['openid', 'email', 'groups'], resources: [ONE, TWO] };
const of = (
  wish: Partial<NarrowingWish>,
  subject: { scope: string; aud: string | string[] } = { scope: 'openid email', aud: US },
  registration = registered,
) => narrowedToken(subject, { ...NOTHING, ...wish }, registration, US);

describe('RFC 8693 §2.1 scope', () => {
  it('is that of the subject token where none is asked for, or less', () => {
    expect(of({}).scopes).toEqual(['openid', 'email']);
    expect(of({ scopes: ['email'] }).scopes).toEqual(['email']);
  });

  it('is never more: not what the application is registered for, not what nobody has', () => {
    for (const scopes of [['groups'], ['openid', 'groups'], ['write:world']])
      expect(() => of({ scopes })).toThrow(expect.objectContaining({ code: 'invalid_scope' }));
  });

  it('is no more than the application is registered for by now', () => {
    const fewer = { ...registered, scopes: ['openid'] };
    expect(of({}, undefined, fewer).scopes).toEqual(['openid']);
    expect(() => of({ scopes: ['email'] }, undefined, fewer)).toThrow('invalid_scope');
    expect(() => of({}, { scope: 'email', aud: US }, fewer)).toThrow('invalid_scope');
    expect(() => of({}, { scope: '', aud: US })).toThrow('invalid_scope');
  });
});

describe('RFC 8693 §2.2.2 invalid_target', () => {
  const refused = expect.objectContaining({ code: 'invalid_target' }) as Error;

  it('a token for this server becomes one for any of the application’s APIs, by either name of the parameter', () => {
    expect(of({ resource: ONE }).audience).toBe(ONE);
    expect(of({ audience: TWO }).audience).toBe(TWO);
    expect(of({ resource: ONE, audience: ONE }).audience).toBe(ONE);
    expect(of({ resource: US }).audience).toBe(US);
    expect(of({}).audience).toBe(US);
  });

  it('one for an API and this server becomes one for either', () => {
    const both = { scope: 'openid', aud: [ONE, US] };
    expect(of({ resource: ONE }, both).audience).toBe(ONE);
    expect(of({ resource: US }, both).audience).toBe(US);
    expect(of({}, both).audience).toEqual([ONE, US]);
  });

  it('one for an API alone never leaves it', () => {
    const alone = { scope: 'email', aud: ONE };
    expect(of({}, alone).audience).toBe(ONE);
    expect(of({ resource: ONE }, alone).audience).toBe(ONE);
    for (const resource of [TWO, US]) expect(() => of({ resource }, alone)).toThrow(refused);
  });

  it('refuses an API that the application is not registered for, or not any more, and two at once', () => {
    expect(() => of({ resource: THREE })).toThrow(refused);
    expect(() => of({ audience: 'wiki' })).toThrow(refused);
    expect(() => of({ resource: ONE, audience: TWO })).toThrow(refused);
    const gone = { ...registered, resources: [TWO] };
    expect(() => of({}, { scope: 'email', aud: ONE }, gone)).toThrow(refused);
    expect(() => of({ resource: ONE }, { scope: 'openid', aud: [ONE, US] }, gone)).toThrow(refused);
    expect(of({}, { scope: 'openid', aud: [ONE, US] }, gone).audience).toBe(US);
  });
});

describe('R25 an exchange narrows', () => {
  const scope = fc.constantFrom('openid', 'email', 'profile', 'groups', 'write:world');
  const scopes = fc.uniqueArray(scope, { maxLength: 5 });
  const api = fc.constantFrom(ONE, TWO, THREE);
  const place = fc.oneof(api, fc.constant(US), fc.webUrl());
  const aud = fc.oneof(
    fc.constant(US),
    api,
    api.map((one) => [one, US]),
  );
  const scene = fc.record({
    subject: fc.record({ scope: scopes.map((list) => list.join(' ')), aud }),
    wish: fc.record({
      scopes: fc.option(scopes, { nil: undefined }),
      resource: fc.option(place, { nil: undefined }),
      audience: fc.option(place, { nil: undefined }),
    }),
    registration: fc.record({ scopes, resources: fc.uniqueArray(api) }),
  });

  it('whatever is asked of whatever token', () => {
    fc.assert(
      fc.property(scene, ({ subject, wish, registration }) => {
        let narrowed;
        try {
          narrowed = narrowedToken(subject, wish, registration, US);
        } catch (error) {
          expect(['invalid_scope', 'invalid_target']).toContain((error as { code?: unknown }).code);
          return;
        }
        const had = { scopes: subject.scope.split(' '), audience: [subject.aud].flat() };
        for (const one of narrowed.scopes) {
          expect(had.scopes).toContain(one);
          expect(registration.scopes).toContain(one);
        }
        expect(narrowed.scopes.length).toBeGreaterThan(0);
        for (const one of [narrowed.audience].flat()) {
          const isOwn = had.audience.includes(one);
          expect(isOwn || had.audience.includes(US)).toBe(true);
          if (one !== US) expect(registration.resources).toContain(one);
        }
        expect([narrowed.audience].flat().length).toBeLessThanOrEqual(had.audience.length);
        const wanted = wish.resource ?? wish.audience;
        if (wanted !== undefined) expect(narrowed.audience).toBe(wanted);
      }),
    );
  });

  it('twice what it did once: narrowing again by the same wish changes nothing', () => {
    fc.assert(
      fc.property(scene, ({ subject, wish, registration }) => {
        const once = attempt(() => narrowedToken(subject, wish, registration, US));
        if (once === undefined) return;
        const again = { scope: once.scopes.join(' '), aud: once.audience };
        expect(narrowedToken(again, wish, registration, US)).toEqual(once);
      }),
    );
  });
});

function attempt<T>(make: () => T): T | undefined {
  try {
    return make();
  } catch {
    return undefined;
  }
}

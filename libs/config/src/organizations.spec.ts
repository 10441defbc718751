import fc from 'fast-check';
import { faultsOf, faultyKeys, load } from './load-for-spec.js';

describe('D62 organizations', () => {
  it('are none by default', () => {
    expect(load().organizations).toEqual([]);
  });

  it('have members with a role, who are plain members unless it is given', () => {
    const yaml = `organizations:
      - name: acme corp
        members:
          - { user: "acme:alice@example.com", role: owner }
          - { user: "acme:urn:subject:1" }
      - name: empty`;
    expect(load({}, yaml).organizations).toEqual([
      {
        name: 'acme corp',
        members: [
          { provider: 'acme', subjectOrEmail: 'alice@example.com', role: 'owner' },
          { provider: 'acme', subjectOrEmail: 'urn:subject:1', role: 'member' },
        ],
      },
      { name: 'empty', members: [] },
    ]);
  });

  it.each([
    ['[{ members: [] }]', 'organizations[0].name', 'is missing'],
    ['[{ name: "" }]', 'organizations[0].name', '1 to 100 characters'],
    ['[{ name: " a" }]', 'organizations[0].name', 'no space at its ends'],
    ['[{ name: "a\\u0000" }]', 'organizations[0].name', 'control characters'],
    ['[{ name: 00000000-0000-4000-8000-000000000001 }]', 'organizations[0].name', 'form of an id'],
    ['[{ name: a }, { name: a }]', 'organizations[1].name', 'earlier organization'],
    ['[{ name: a, members: [{ user: alice }] }]', 'organizations[0].members[0].user', 'provider:subject-or-email'],
    [
      '[{ name: a, members: [{ user: "p:a", role: king }] }]',
      'organizations[0].members[0].role',
      'owner, admin or member',
    ],
    ['[{ name: a, members: [{ user: "p:a" }, { user: "p:a" }] }]', 'organizations[0].members[1].user', 'twice'],
    ['[{ name: a, member: [] }]', 'organizations[0].member', 'did you mean members'],
  ])('refuses %s', (list, key, message) => {
    expect(faultsOf({}, `organizations: ${list}`)).toEqual([{ key, message: expect.stringContaining(message) }]);
  });

  it('reports every fault at once', () => {
    const yaml = 'organizations: [{ name: "" }, { name: b, members: [{ user: x }, { user: "p:a", role: no }] }]';
    expect(faultyKeys({}, yaml)).toEqual([
      'organizations[0].name',
      'organizations[1].members[0].user',
      'organizations[1].members[1].role',
    ]);
  });

  it('no name that is accepted has the form of an id, so that an address means one of them', () => {
    fc.assert(
      fc.property(fc.uuid(), fc.boolean(), (id, upper) => {
        expect(faultyKeys({}, `organizations: [{ name: "${upper ? id.toUpperCase() : id}" }]`)).toEqual([
          'organizations[0].name',
        ]);
      }),
    );
  });
});

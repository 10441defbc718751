import { PEOPLE, type Person } from '../people.js';

/**
 * Everybody whom the SAML identity provider knows: a company with a mail domain of its own, and Alice, who works there
 * under the address that the OpenID Connect provider has too, to show how two identities become one person (D63).
 */
export const CORP_PEOPLE: readonly Person[] = [
  { subject: 'corp-dana', login: 'dana@corp.test', name: 'Dana Draper', groups: ['finance', 'managers'] },
  { subject: 'corp-erin', login: 'erin@corp.test', name: 'Erin Eldridge', groups: ['finance'] },
  { subject: 'corp-frank', login: 'frank@corp.test', name: 'Frank O’Hara & Sons', groups: [] },
  ...PEOPLE.filter(({ login }) => login === 'alice@idp.test').map((alice) => ({ ...alice, subject: 'corp-alice' })),
];

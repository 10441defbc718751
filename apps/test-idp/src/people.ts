/** Somebody who can sign in here. `subject` is the `sub` claim: stable, and deliberately not the e-mail address. */
export interface Person {
  readonly subject: string;
  readonly login: string;
  readonly name: string;
  readonly groups: readonly string[];
}

/** Everybody this provider knows. None has a password: the login page asks only who you are. */
export const PEOPLE: readonly Person[] = [
  { subject: 'idp-alice', login: 'alice@idp.test', name: 'Alice Archer', groups: ['engineering', 'admins'] },
  { subject: 'idp-bob', login: 'bob@idp.test', name: 'Bob Baker', groups: ['engineering'] },
  { subject: 'idp-carol', login: 'carol@idp.test', name: 'Carol Carter', groups: ['sales'] },
];

export function findPersonBySubject(subject: string): Person | undefined {
  return PEOPLE.find((person) => person.subject === subject);
}

/**
 * Finds a person by what was typed on the login page or sent as `login_hint`: `alice@idp.test` or just `alice`, in
 * any case and with spaces around it.
 */
export function findPersonByLogin(typed: string): Person | undefined {
  return findPerson(PEOPLE, typed);
}

/** The same among people of the caller's. */
export function findPerson(people: readonly Person[], typed: string): Person | undefined {
  const login = typed.trim().toLowerCase();
  return people.find((person) => person.login === login || person.login.split('@')[0] === login);
}

import { randomUUID } from 'node:crypto';
import type { Person } from '../people.js';

/** Somebody who is signed in at the identity provider, in one browser. */
export interface IdpSession {
  /** What the browser's cookie holds. */
  readonly id: string;
  readonly person: Person;
  /** What messages call the session; another word than the cookie's, because service providers learn it. */
  readonly sessionIndex: string;
  readonly authenticatedAt: Date;
}

/** Past this many the oldest go first, so that a load generator cannot fill the developer's memory. */
const MOST = 10_000;

/** A map that forgets its oldest entries. */
export class BoundedMap<V> {
  readonly #entries = new Map<string, V>();

  set(key: string, value: V): void {
    this.#entries.set(key, value);
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= MOST) break;
      this.#entries.delete(oldest);
    }
  }

  get(key: string): V | undefined {
    return this.#entries.get(key);
  }

  /** Reads an entry and removes it: it counts once. */
  take(key: string): V | undefined {
    const value = this.#entries.get(key);
    this.#entries.delete(key);
    return value;
  }

  values(): readonly V[] {
    return [...this.#entries.values()];
  }
}

/** Who is signed in, until the process ends. */
export class IdpSessions {
  readonly #sessions = new BoundedMap<IdpSession>();

  constructor(private readonly now: () => Date) {}

  begin(person: Person): IdpSession {
    const session = { id: randomUUID(), person, sessionIndex: `_${randomUUID()}`, authenticatedAt: this.now() };
    this.#sessions.set(session.id, session);
    return session;
  }

  find(id: string | undefined): IdpSession | undefined {
    return id === undefined ? undefined : this.#sessions.get(id);
  }

  end(session: IdpSession): void {
    this.#sessions.take(session.id);
  }

  /** Ends the named sessions of a person; without names, all of them (SAML core §3.7.3.2). Returns how many. */
  endNamed(isThePerson: (person: Person) => boolean, sessionIndexes: readonly string[]): number {
    const named = this.#sessions
      .values()
      .filter(({ person }) => isThePerson(person))
      .filter(({ sessionIndex }) => sessionIndexes.length === 0 || sessionIndexes.includes(sessionIndex));
    for (const session of named) this.end(session);
    return named.length;
  }
}

import { Injectable, Logger } from '@nestjs/common';
import type { AuditContext } from '@app/audit';
import { UpstreamTokenEndpoints, type UpstreamTokenSet } from '@app/upstream-tokens';
import { ConnectionReader, type ConnectionFilter, type PageEnd } from './connection-reader.js';
import { ConnectionWriter, subjectHash, type NewConnection } from './connection-writer.js';
import { shown, type SealedConnection, type StoredConnection } from './stored-connection.js';
import { TokenDelivery, type Delivery, type TokenWish } from './token-delivery.js';
import { TokenSeal } from './token-seal.js';

/** What a person's consent brought. `subject`: the provider's own name of the account, where it is known. */
export interface NewGrant {
  readonly tokens: UpstreamTokenSet;
  readonly subject: string | undefined;
  /** For the audit. */
  readonly actor: string;
}

/** A connection may not change hands: who holds its id would act in another account without knowing. */
export class OtherAccount extends Error {
  override readonly name = 'OtherAccount';

  constructor(readonly connectionId: string) {
    super(`${connectionId} is of another account at the provider`);
  }
}

const TRIES = 5;
/** A token younger than this cannot be what a 401 was about: somebody has just refreshed it. */
const JUST_REFRESHED_MS = 10_000;

/** Tokens that others issued to us, kept for organizations. Every method stays inside the organization it is given (R27). */
@Injectable()
export class Vault {
  private readonly logger = new Logger(Vault.name);

  constructor(
    private readonly reader: ConnectionReader,
    private readonly writer: ConnectionWriter,
    private readonly delivery: TokenDelivery,
    private readonly seal: TokenSeal,
    private readonly endpoints: UpstreamTokenEndpoints,
  ) {}

  /** Keeps a token set from now on. @throws DatabaseUnavailable */
  async create(input: NewConnection, context: AuditContext): Promise<StoredConnection> {
    const twins = await this.writer.sharingAccount(input);
    const id = await this.writer.create(input, context);
    // Many providers give one refresh token for an account and client: the newer grant may end the older (unanswerable here).
    if (twins.length > 0)
      this.logger.warn(
        `${id} and ${twins.join(', ')} hold the same account at ${input.providerId}: one grant may end the other`,
      );
    const made = await this.reader.find(input.organizationId, id);
    if (made === undefined) throw new Error(`${id} was deleted as soon as it was made`);
    return shown(made);
  }

  /**
   * Puts a new grant in the place of a connection's old one (its person has connected again). Undefined: there is no
   * such connection.
   *
   * @throws OtherAccount when the grant is known to be of another account than the connection (R17)
   */
  async reconnect(
    organizationId: string,
    id: string,
    grant: NewGrant,
    context: AuditContext,
  ): Promise<StoredConnection | undefined> {
    const replaced = await this.change(organizationId, id, (connection) => {
      if (account(connection, grant.subject) === 'other') throw new OtherAccount(id);
      return this.putInPlace(connection, grant, context);
    });
    return replaced ? this.find(organizationId, id) : undefined;
  }

  /** What a sign-in brought: into the one connection of this person at this provider. */
  async keepSignIn(input: NewConnection & { readonly userId: string }, context: AuditContext): Promise<void> {
    const { organizationId, providerId, userId, tokens, subject, actor } = input;
    for (let tried = 0; tried < TRIES; tried += 1) {
      const id = await this.writer.ofSignIn(organizationId, providerId, userId);
      if (id !== undefined) {
        const grant = { tokens, subject, actor };
        if (await this.change(organizationId, id, (connection) => this.putInPlace(connection, grant, context))) return;
        continue;
      }
      try {
        await this.writer.create({ ...input, origin: 'sign_in' }, context);
        return;
      } catch (error) {
        // Two sign-ins of one person at once: the index lets one in.
        if ((error as { driverError?: { code?: unknown } }).driverError?.code !== '23505') throw error;
      }
    }
    throw new Error('the connection of this sign-in changed too often');
  }

  async find(organizationId: string, id: string): Promise<StoredConnection | undefined> {
    const connection = await this.reader.find(organizationId, id);
    return connection === undefined ? undefined : shown(connection);
  }

  list(organizationId: string, filter: ConnectionFilter, limit: number, after?: PageEnd): Promise<StoredConnection[]> {
    return this.reader.list(organizationId, filter, limit, after);
  }

  token(organizationId: string, id: string, wish: TokenWish): Promise<Delivery> {
    return this.delivery.deliver(organizationId, id, wish);
  }

  /**
   * A provider refused a token of this connection (401): one refresh, however many say so.
   *
   * @param generation of the refused token, where the caller knows: an older one needs no refresh at all.
   */
  async reportUnauthorized(organizationId: string, id: string, generation: bigint | undefined): Promise<Delivery> {
    const connection = await this.reader.find(organizationId, id);
    if (connection === undefined) return { kind: 'not_found' };
    const { lastRefreshedAt, readAt } = connection;
    const young = lastRefreshedAt !== undefined && readAt.getTime() - lastRefreshedAt.getTime() < JUST_REFRESHED_MS;
    const settled = generation === undefined ? young : generation < connection.generation;
    const freshness = settled ? 'fresh_enough' : 'new_generation';
    return this.delivery.deliver(organizationId, id, { freshness, minTtlMs: undefined });
  }

  /** Removes a connection and gives its tokens back upstream, as well as that can be done. False: there is none. */
  async delete(organizationId: string, id: string, actor: string, context: AuditContext): Promise<boolean> {
    let last: SealedConnection | undefined;
    const deleted = await this.change(organizationId, id, (connection) => {
      last = connection;
      return this.writer.delete(connection, actor, context);
    });
    if (deleted && last !== undefined) await this.giveBack(last);
    return deleted;
  }

  /**
   * Many providers give a refresh token at the first consent only. A grant without one must not take the place of one
   * that keeps itself fresh for the same account: then everything stays as it is (token-vault.md §2.6).
   */
  private async putInPlace(connection: SealedConnection, grant: NewGrant, context: AuditContext): Promise<boolean> {
    const { status, refreshable } = connection;
    const alive = refreshable && (status === 'active' || status === 'backing_off');
    if (grant.tokens.refreshToken === undefined && alive && account(connection, grant.subject) === 'same') return true;
    return this.writer.replace(connection, grant.tokens, grant.subject, grant.actor, context);
  }

  /** Compare and set: what moves on meanwhile is looked at again. */
  private async change(
    organizationId: string,
    id: string,
    work: (connection: SealedConnection) => Promise<boolean>,
  ): Promise<boolean> {
    for (let tried = 0; tried < TRIES; tried += 1) {
      const connection = await this.reader.find(organizationId, id);
      if (connection === undefined) return false;
      if (await work(connection)) return true;
    }
    throw new Error(`${id} changed too often`);
  }

  private async giveBack(connection: SealedConnection): Promise<void> {
    const { organizationId, id, generation, dataKeyId, providerId } = connection;
    if (this.endpoints.describe(providerId) === undefined) return;
    const place = { organizationId, connectionId: id, generation };
    try {
      const accessToken = await this.seal.open(place, dataKeyId, 'access_token', connection.accessToken);
      const refreshToken =
        connection.refreshToken === undefined
          ? undefined
          : await this.seal.open(place, dataKeyId, 'refresh_token', connection.refreshToken);
      const outcome = await this.endpoints.revoke(providerId, { accessToken, refreshToken });
      if (outcome === 'failed')
        this.logger.warn(`${id} is deleted here, but ${providerId} did not take its tokens back`);
    } catch (error) {
      this.logger.warn(
        `${id} is deleted here; its tokens could not be given back: ${error instanceof Error ? error.name : 'unknown fault'}`,
      );
    }
  }
}

function account({ organizationId, providerId, ...connection }: SealedConnection, subject: string | undefined) {
  const hash = subjectHash({ organizationId, providerId, subject });
  if (hash === null || connection.subjectHash === undefined) return 'unknown';
  return hash.equals(connection.subjectHash) ? 'same' : 'other';
}

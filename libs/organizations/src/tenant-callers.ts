import { Inject, Injectable } from '@nestjs/common';
import { CLOCK, type Clock } from '@app/config';
import { Database } from '@app/database';
import { Directory } from '@app/directory';
import type { MachinePrincipal, Principal, UserPrincipal } from '@app/edge';
import { OAuthError } from '@app/oauth2';
import { Organizations, unknownOrganization, type Membership, type Organization } from './organizations.js';
import type { PresentedCredential, PresentedKey } from './presented-credential.js';
import {
  accessesOfRole,
  type OrganizationRole,
  type PastCaller,
  type TenantAccess,
  type TenantCaller,
} from './tenant-caller.js';
import { TenantKeys, type ProvenKey } from './tenant-keys.js';

/** What a call says of itself. */
export interface TenantCall {
  /** Of the bearer guard. */
  readonly principal: Principal | undefined;
  readonly credential: PresentedCredential;
  /** Name or id of the organization that the call is about, where it says. */
  readonly organization: string | undefined;
  readonly address: string;
}

type Person = Pick<UserPrincipal, 'userId' | 'providerId'>;
type Machine = Pick<MachinePrincipal, 'clientId' | 'ownerId' | 'organizationId' | 'scopes'>;

interface CredentialRow {
  readonly owner_id: string;
  readonly organization_id: string;
  readonly scopes: string[];
}

/** What a machine's scopes mean in its organization (D56). Nothing else of a machine counts here (D30). */
const ACCESSES_OF_SCOPE: Readonly<Record<string, readonly TenantAccess[]>> = {
  'vault:read': ['read_connections', 'read_connection_tokens'],
  'vault:write': ['write_connections'],
};

/** From credentials to a caller of one organization (D28). Nothing is remembered: what is revoked now is refused next. */
@Injectable()
export class TenantCallers {
  constructor(
    private readonly organizations: Organizations,
    private readonly keys: TenantKeys,
    private readonly directory: Directory,
    private readonly database: Database,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * @throws OAuthError 401 without good credentials, `not_found` for an organization that is not the caller's, 422 when
   *   several are possible; 429 while (key, address) is locked
   */
  async resolve({ principal, credential, organization, address }: TenantCall): Promise<TenantCaller> {
    if (credential.kind === 'unusable') throw unauthenticated('invalid_token', credential.reason);
    if (credential.kind === 'key') return this.ofKey(credential.key, organization, address);
    if (principal === undefined) throw unauthenticated('unauthorized');
    return principal.kind === 'user' ? this.ofPerson(principal, organization) : this.ofMachine(principal, organization);
  }

  /**
   * The caller of an earlier call as it stands now, for work that outlives the call. Undefined without the access, and
   * once its key or credential is ended or over, its person or owner disabled or gone, or the membership taken away
   * (R11, R23, D20). Asks Postgres alone.
   */
  async stillMay(past: PastCaller, access: TenantAccess): Promise<TenantCaller | undefined> {
    const caller = await this.now(past).catch((error: unknown) => {
      if (error instanceof OAuthError) return undefined;
      throw error;
    });
    // A key never changes its organization; that an order names both is no reason to believe it.
    return caller?.organizationId === past.organizationId && caller.accesses.has(access) ? caller : undefined;
  }

  private async now({ organizationId, actor, userId, providerId }: PastCaller): Promise<TenantCaller | undefined> {
    if (userId !== undefined)
      return providerId === undefined ? undefined : this.ofPerson({ userId, providerId }, organizationId);
    const [kind, id] = splitActor(actor);
    if (kind === 'client') return this.ofCredential(id);
    if (kind !== 'api_key' && kind !== 'service_token') return undefined;
    const key = await this.keys.current(kind, id);
    return key === undefined ? undefined : callerOfKey(key);
  }

  private async ofCredential(clientId: string): Promise<TenantCaller | undefined> {
    const [row] = await this.database.queryNamed<CredentialRow>(
      'machine-caller',
      `SELECT owner_id, organization_id, scopes FROM client_credentials
       WHERE client_id = $1 AND deleted_at IS NULL AND (expires_at IS NULL OR expires_at > $2)`,
      [clientId, this.clock()],
    );
    if (row === undefined) return undefined;
    const { owner_id: ownerId, organization_id: organizationId, scopes } = row;
    return this.ofMachine({ clientId, ownerId, organizationId, scopes }, undefined);
  }

  private async ofKey(presented: PresentedKey, named: string | undefined, address: string): Promise<TenantCaller> {
    const key = await this.keys.prove(presented, address);
    assertOwn({ id: key.organizationId, name: key.organizationName }, named);
    return callerOfKey(key);
  }

  /** A machine acts for its owner's organization, and only while the owner belongs there (R23). */
  private async ofMachine(machine: Machine, named: string | undefined): Promise<TenantCaller> {
    const organization = await this.organizations.membership(machine.ownerId, machine.organizationId);
    if (organization === undefined) throw unknownOrganization();
    assertOwn(organization, named);
    const accesses = new Set(machine.scopes.flatMap((scope) => ACCESSES_OF_SCOPE[scope] ?? []));
    return callerOf(organization, accesses, `client:${machine.clientId}`);
  }

  private async ofPerson(person: Person, named: string | undefined): Promise<TenantCaller> {
    const membership =
      named === undefined ? await this.only(person) : await this.organizations.membership(person.userId, named);
    if (membership?.role === 'owner') return personOf(person, membership, 'owner');
    if (await this.directory.isAdministrator(person.userId, person.providerId)) {
      const organization = membership ?? (named === undefined ? undefined : await this.organizations.find(named));
      if (organization !== undefined) return personOf(person, organization, 'owner');
    }
    if (membership === undefined) throw unknownOrganization();
    return personOf(person, membership, membership.role);
  }

  private async only({ userId }: Person): Promise<Membership | undefined> {
    const [first, second] = await this.organizations.memberships(userId, 2);
    if (second === undefined) return first;
    throw new OAuthError('invalid_request', 'You belong to several organizations; name one in X-Workspace-Id', {
      status: 422,
      details: { in: 'header', field: 'X-Workspace-Id' },
    });
  }
}

function assertOwn({ id, name }: Organization, named: string | undefined): void {
  if (named !== undefined && named !== name && named.toLowerCase() !== id) throw unknownOrganization();
}

function callerOf({ id, name }: Organization, accesses: ReadonlySet<TenantAccess>, actor: string): TenantCaller {
  const nobody = { userId: undefined, providerId: undefined, role: undefined };
  return { organizationId: id, organizationName: name, accesses, actor, ...nobody };
}

function callerOfKey({ id, kind, organizationId, organizationName, accesses }: ProvenKey): TenantCaller {
  return callerOf({ id: organizationId, name: organizationName }, new Set(accesses), `${kind}:${id}`);
}

/** `api_key:key_…` → `api_key` and `key_…`. */
function splitActor(actor: string): readonly [string, string] {
  const colon = actor.indexOf(':');
  return [actor.slice(0, colon), actor.slice(colon + 1)];
}

function personOf({ userId, providerId }: Person, organization: Organization, role: OrganizationRole): TenantCaller {
  return { ...callerOf(organization, accessesOfRole(role), `user:${userId}`), userId, providerId, role };
}

function unauthenticated(code: 'unauthorized' | 'invalid_token', logDetail?: string): OAuthError {
  const description =
    code === 'unauthorized'
      ? 'Authentication required: send an access token or an API key as "Authorization: Bearer …", or a service token as "Authorization: id:secret"'
      : 'The credentials cannot be read; send one: "Authorization: Bearer …", "X-API-Key: …" or "Authorization: id:secret"';
  return new OAuthError(code, description, {
    authenticate: 'Bearer',
    ...(logDetail === undefined ? {} : { logDetail }),
  });
}

import { Injectable } from '@nestjs/common';
import { Directory } from '@app/directory';
import type { MachinePrincipal, Principal, UserPrincipal } from '@app/edge';
import { OAuthError } from '@app/oauth2';
import { Organizations, unknownOrganization, type Membership, type Organization } from './organizations.js';
import type { PresentedCredential, PresentedKey } from './presented-credential.js';
import { accessesOfRole, type OrganizationRole, type TenantAccess, type TenantCaller } from './tenant-caller.js';
import { TenantKeys } from './tenant-keys.js';

/** What a call says of itself. */
export interface TenantCall {
  /** Of the bearer guard. */
  readonly principal: Principal | undefined;
  readonly credential: PresentedCredential;
  /** Name or id of the organization that the call is about, where it says. */
  readonly organization: string | undefined;
  readonly address: string;
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

  private async ofKey(presented: PresentedKey, named: string | undefined, address: string): Promise<TenantCaller> {
    const key = await this.keys.prove(presented, address);
    const organization = { id: key.organizationId, name: key.organizationName };
    assertOwn(organization, named);
    return callerOf(organization, new Set(key.accesses), `${key.kind}:${key.id}`);
  }

  /** A machine acts for its owner's organization, and only while the owner belongs there (R23). */
  private async ofMachine(machine: MachinePrincipal, named: string | undefined): Promise<TenantCaller> {
    const organization = await this.organizations.membership(machine.ownerId, machine.organizationId);
    if (organization === undefined) throw unknownOrganization();
    assertOwn(organization, named);
    const accesses = new Set(machine.scopes.flatMap((scope) => ACCESSES_OF_SCOPE[scope] ?? []));
    return callerOf(organization, accesses, `client:${machine.clientId}`);
  }

  private async ofPerson(person: UserPrincipal, named: string | undefined): Promise<TenantCaller> {
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

  private async only({ userId }: UserPrincipal): Promise<Membership | undefined> {
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
  return { organizationId: id, organizationName: name, accesses, actor, userId: undefined, role: undefined };
}

function personOf({ userId }: UserPrincipal, organization: Organization, role: OrganizationRole): TenantCaller {
  return { ...callerOf(organization, accessesOfRole(role), `user:${userId}`), userId, role };
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

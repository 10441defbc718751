import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyRequest } from 'fastify';
import { remoteAddress } from '@app/edge';
import { OAuthError } from '@app/oauth2';
import { presentedCredential } from './presented-credential.js';
import type { TenantAccess, TenantCaller } from './tenant-caller.js';
import { TenantCallers } from './tenant-callers.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** Who calls for which organization, set by the tenant guard; undefined on all other routes. */
    tenant?: TenantCaller;
  }
}

/** Where `RequireTenant` leaves what a route asks for. */
export const REQUIRED_TENANT_ACCESS = 'gatehouse:required-tenant-access';

/** Admits callers of one organization (R25, R27, D28, D30). Put on routes by `RequireTenant` and by nothing else. */
@Injectable()
export class TenantGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly callers: TenantCallers,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    // A method's own word beats that of its class, and both bring this guard along.
    const access = this.reflector.getAllAndOverride<TenantAccess | undefined>(REQUIRED_TENANT_ACCESS, [
      context.getHandler(),
      context.getClass(),
    ]);
    if (access === undefined) throw new OAuthError('forbidden', 'This route names no access, so nobody has it');
    const caller = (request.tenant ??= await this.callers.resolve({
      principal: request.principal,
      credential: presentedCredential(request.headers.authorization, request.headers['x-api-key']),
      organization: namedOrganization(request),
      address: remoteAddress(request),
    }));
    if (!caller.accesses.has(access))
      throw new OAuthError('forbidden', `This needs the access ${access} in the organization`, { details: { access } });
    return true;
  }
}

/** The route's own word, where it has one; the header only selects (D28). Empty counts as not sent. */
function namedOrganization(request: FastifyRequest): string | undefined {
  const { organization } = request.params as { readonly organization?: string };
  if (organization !== undefined) return organization;
  const header = request.headers['x-workspace-id'];
  if (Array.isArray(header)) throw new OAuthError('invalid_request', 'Send X-Workspace-Id once');
  return header === '' ? undefined : header;
}

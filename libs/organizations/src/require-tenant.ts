import { applyDecorators, createParamDecorator, SetMetadata, UseGuards, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { TenantRoute } from '@app/edge';
import { OAuthError } from '@app/oauth2';
import { REQUIRED_TENANT_ACCESS, TenantGuard } from './tenant.guard.js';
import type { TenantAccess, TenantCaller } from './tenant-caller.js';

/**
 * The route is for callers of one organization that have this access: members by their role, API keys, service tokens,
 * machines with a vault scope. The guard is the route's own, so it runs after the bearer guard, which is everybody's;
 * the module of the controller imports OrganizationsModule. The organization is the route's `:organization` (name or
 * id), else the one that `X-Workspace-Id` selects, else the caller's only one (D28).
 *
 * Answers 401 without good credentials, 404 for an organization that is unknown or another's, 422 where several are
 * possible, 403 without the access.
 */
export function RequireTenant(access: TenantAccess): ClassDecorator & MethodDecorator {
  return applyDecorators(TenantRoute(), SetMetadata(REQUIRED_TENANT_ACCESS, access), UseGuards(TenantGuard));
}

/** The caller that the guard admitted. Throws 401 where no guard ran, so that a route without one fails closed. */
export function tenantOf(request: FastifyRequest): TenantCaller {
  if (request.tenant === undefined) throw new OAuthError('unauthorized', 'Authentication required');
  return request.tenant;
}

/** Handler parameter: the caller and its organization, see {@link tenantOf}. */
export const CurrentTenant = createParamDecorator((_data: unknown, context: ExecutionContext) =>
  tenantOf(context.switchToHttp().getRequest<FastifyRequest>()),
);

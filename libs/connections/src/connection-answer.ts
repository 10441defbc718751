import type { UpstreamTokenTraits } from '@app/upstream-tokens';
import type { StoredConnection } from '@app/vault';
import type { z } from 'zod';
import type { ConnectionSchema } from './connections.schema.js';

export type ConnectionAnswer = z.infer<typeof ConnectionSchema>;
type Health = ConnectionAnswer['health'];

/**
 * A connection as mielto's clients read it, with the whole truth under `health`. Fields without a value are left out,
 * never null (D2).
 *
 * @param traits of its provider; undefined: the configuration does not know it any more
 */
export function connectionAnswer(
  connection: StoredConnection,
  traits: UpstreamTokenTraits | undefined,
): ConnectionAnswer {
  const health = healthOf(connection, traits);
  return {
    id: connection.id,
    workspace_id: connection.organizationId,
    integration: connection.providerId,
    integration_type: 'connectors',
    auth_method_id: 'oauth2',
    ...given({ label: connection.label }),
    status: statusOf(health),
    origin: connection.origin,
    ...given({ owner_user_id: connection.userId, scope: connection.scope }),
    token_type: connection.tokenType,
    ...given({ expires_at: connection.expiresAt?.toISOString() }),
    generation: Number(connection.generation),
    config: { ...connection.metadata },
    created_at: connection.createdAt.toISOString(),
    health,
  };
}

/** An access token that has ended is never `active`, whatever the row hopes for. */
function statusOf({ state }: Health): ConnectionAnswer['status'] {
  switch (state) {
    case 'fresh':
    case 'failing':
      return 'active';
    case 'expired':
      return 'expired';
    case 'needs_reauth':
      return 'error';
    case 'off':
      return 'inactive';
  }
}

function healthOf(connection: StoredConnection, traits: UpstreamTokenTraits | undefined): Health {
  const state = stateOf(connection, traits);
  return {
    state,
    ...given({ status_reason: reasonOf(connection, state, traits) }),
    reauthorization_required: state === 'needs_reauth' || (state === 'expired' && !connection.refreshable),
    refreshable: connection.refreshable,
    consecutive_failures: connection.consecutiveFailures,
    ...given({
      last_error_code: connection.lastErrorCode,
      last_error_at: connection.lastErrorAt?.toISOString(),
      last_refreshed_at: connection.lastRefreshedAt?.toISOString(),
      next_refresh_at: connection.nextRefreshAt?.toISOString(),
      expires_at: connection.expiresAt?.toISOString(),
      refresh_expires_at: connection.refreshExpiresAt?.toISOString(),
      provider_rests_until: connection.restsUntil?.toISOString(),
    }),
  };
}

/** By the database's clock (D59). */
function stateOf(connection: StoredConnection, traits: UpstreamTokenTraits | undefined): Health['state'] {
  const { status, expiresAt, readAt, restsUntil, refreshable } = connection;
  if (status === 'needs_reauth') return 'needs_reauth';
  if (status === 'disabled' || status === 'revoked') return 'off';
  if (expiresAt !== undefined && expiresAt <= readAt) return 'expired';
  const renewable = traits !== undefined && restsUntil === undefined && status === 'active';
  return renewable || !refreshable ? 'fresh' : 'failing';
}

function reasonOf(
  { statusReason, refreshable }: StoredConnection,
  state: Health['state'],
  traits: UpstreamTokenTraits | undefined,
): string | undefined {
  if (statusReason !== undefined) return statusReason;
  if (state === 'expired' && !refreshable) return 'expired_no_refresh';
  return traits === undefined ? 'provider_not_configured' : undefined;
}

/** Without the undefined. */
export function given<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}

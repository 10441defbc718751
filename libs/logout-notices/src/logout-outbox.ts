import type { EntityManager } from 'typeorm';

/** A session is told of by the name that its application's ID tokens gave it; one that got two names is told of twice. */
const INSERT = `
  INSERT INTO logout_notices (application_id, sid, user_id, created_at, next_attempt_at)
  SELECT DISTINCT a.id, coalesce(s.sid, s.id), s.user_id::text, app_now(), app_now()
  FROM sessions s JOIN applications a ON a.client_id = s.client_id
  WHERE s.client_generation IS NOT NULL AND a.backchannel_logout_uri IS NOT NULL AND a.disabled_at IS NULL`;

/**
 * Leaves, in the transaction that ends these sessions, one notice for each application that has one of them and wants to
 * know (OpenID Connect Back-Channel Logout §2.3, D37). Sessions of first-party clients concern nobody.
 */
export async function recordLogoutNotices(manager: EntityManager, sessionIds: readonly string[]): Promise<void> {
  await manager.query(`${INSERT} AND s.id = ANY ($1::uuid[])`, [sessionIds]);
}

/**
 * The same for a person whose generation has just risen in this transaction: every session that was alive until then.
 * @param generation the new one
 */
export async function recordLogoutNoticesOfUser(
  manager: EntityManager,
  userId: string,
  generation: number,
): Promise<void> {
  await manager.query(
    `${INSERT} AND s.user_id = $1 AND s.ended_at IS NULL AND s.expires_at > now() AND s.user_generation = $2 - 1`,
    [userId, generation],
  );
}

import type { Revocations } from './revocations.js';

/**
 * Nothing that was issued before this moment is good any more, for people and machines alike (D50): every organization's
 * generation rises, and each session, refresh token, code and access token carries its organization's. For a database
 * that was restored, and so has forgotten logouts. Client credentials themselves stay: they are kept, not issued.
 *
 * A generation above the one that was restored may have been in use after the backup, so it does not rise by one but to
 * the minutes since 1970, which no two restores share.
 * @returns how many organizations there are.
 */
export async function revokeEverythingIssued(revocations: Revocations): Promise<number> {
  return revocations.transaction(async (manager, revoke) => {
    const [rows]: [{ id: string; generation: number }[], number] = await manager.query(
      `UPDATE organizations
       SET generation = greatest(generation + 1, (extract(epoch FROM clock_timestamp()) / 60)::int)
       RETURNING id, generation`,
    );
    for (const { id, generation } of rows) revoke({ subject: `organization:${id}`, generation });
    return rows.length;
  });
}

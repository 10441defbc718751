/** Many connections at once, made by Postgres itself: for rows whose number matters and whose tokens nobody opens. */
import { tell } from './commands.mjs';
import { sql } from './world.mjs';

/**
 * Fills up to `count` connections over a hundred organizations, none due within the hour; one real one lends its sealed
 * tokens, so that the rows have their true size.
 */
export async function fill(world, vault, databaseUrl, count) {
  await tell(vault, 'import', { issuer: world.upstream.url, count: 1 });
  await sql(databaseUrl, [
    `INSERT INTO organizations (id, name) SELECT gen_random_uuid(), 'bench ' || n FROM generate_series(1, 100) AS n`,
    `INSERT INTO data_keys (id, organization_id, sealed_key, master_key_id)
     SELECT gen_random_uuid(), o.id, k.sealed_key, k.master_key_id
     FROM data_keys k, organizations o WHERE o.id NOT IN (SELECT organization_id FROM data_keys)`,
    `INSERT INTO connections (id, organization_id, provider_id, origin, label, scope, token_type, data_key_id, access_token,
       refresh_token, issued_at, expires_at, next_refresh_at)
     SELECT 'conn_' || replace(gen_random_uuid()::text, '-', ''), k.organizations[1 + n % 100], c.provider_id, c.origin, 'f' || n,
       c.scope, c.token_type, k.ids[1 + n % 100], c.access_token, c.refresh_token, now(), now() + interval '1 day',
       now() + interval '1 hour' + random() * interval '22 hours'
     FROM connections c, generate_series(2, ${Math.trunc(count)}) AS n,
       (SELECT array_agg(id ORDER BY id) AS ids, array_agg(organization_id ORDER BY id) AS organizations FROM data_keys) AS k`,
    `UPDATE connections SET next_refresh_at = now() + interval '2 hours', expires_at = now() + interval '1 day'
     WHERE next_refresh_at < now() + interval '1 hour'`,
    'VACUUM ANALYZE connections',
  ]);
}

/** The four statements that every refresh and every read goes through: which indexes serve them among many rows. */
import { READ } from '../../../dist/apps/server/libs/vault/src/connection-reader.js';
import { INTEND } from '../../../dist/apps/server/libs/vault/src/journal.js';
import { CLAIM_DUE } from '../../../dist/apps/server/libs/vault/src/leases.js';
import { COMMIT } from '../../../dist/apps/server/libs/vault/src/refresh-commits.js';
import { openExplainer } from './explain.mjs';
import { fill } from './filling.mjs';
import { sql } from './world.mjs';

/** As many as one statement takes together. */
const BATCH = 64;
const OWNER = 'bench';
const HEADING = ['statement', 'rows', 'pages touched', 'pages a row', 'took', 'by', 'as it should'];

/** @returns {Promise<string[][]>} a table @throws Error when one reads connections from end to end or misses its index */
export async function planRows(world, size) {
  const url = await world.database('bench_plans');
  const vault = await world.vault(url);
  await fill(world, vault, url, size);
  // Half of the batch is due, the other half is under way.
  const claimed = await sql(url, [
    `UPDATE connections SET lease_owner = '${OWNER}', lease_until = now() + interval '1 hour', lease_epoch = 1, intent_epoch = 1
     WHERE id IN (SELECT id FROM connections ORDER BY id LIMIT ${BATCH})
     RETURNING id, organization_id, generation, data_key_id, access_token, refresh_token`,
  ]);
  await sql(url, [
    `UPDATE connections SET next_refresh_at = now() - interval '1 minute'
     WHERE id IN (SELECT id FROM connections ORDER BY id DESC LIMIT ${BATCH * 8})`,
    'VACUUM ANALYZE connections',
  ]);
  const explainer = await openExplainer(url);
  try {
    const rows = [];
    for (const { name, text, values, index } of statements(claimed)) {
      await explainer.explain(text, values);
      const plan = await explainer.explain(text, values);
      const good = plan.indexes.includes(index) && !plan.scanned.includes('connections');
      if (!good) throw new Error(`${name} does not use ${index}: ${JSON.stringify(plan)}`);
      rows.push([
        name,
        `${BATCH} of ${size}`,
        String(plan.buffers),
        (plan.buffers / BATCH).toFixed(1),
        `${plan.milliseconds.toFixed(2)} ms`,
        [...plan.indexes, ...plan.scanned.map((table) => `all of ${table}`)].join(', '),
        'yes',
      ]);
    }
    return [HEADING, ...rows];
  } finally {
    await explainer.close();
  }
}

function statements(claimed) {
  const every = (make) => claimed.map(make);
  const [ids, generations, epochs] = [every(({ id }) => id), every(({ generation }) => generation), every(() => '1')];
  const hour = every(() => 3_600_000);
  const fingerprints = every(() => Buffer.alloc(16, 1));
  return [
    { name: 'claim', text: CLAIM_DUE, values: [['up'], [BATCH], OWNER, 45_000, []], index: 'connections_due' },
    {
      name: 'intend',
      text: INTEND,
      values: [ids, generations, epochs, fingerprints, every(() => 0), OWNER, 45_000],
      index: 'connections_pkey',
    },
    {
      name: 'commit',
      text: COMMIT,
      values: [
        ids,
        generations,
        epochs,
        every((row) => row.data_key_id),
        every((row) => row.access_token),
        every((row) => row.refresh_token),
        every(() => 'Bearer'),
        every(() => null),
        every(() => '{}'),
        every(() => 5),
        hour,
        every(() => null),
        hour,
        every(() => 200),
        fingerprints,
        every(() => OWNER),
        '[]',
      ],
      index: 'connections_pkey',
    },
    { name: 'read', text: READ, values: [every((row) => row.organization_id), ids], index: 'connections_pkey' },
  ];
}

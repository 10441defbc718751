/** Row 5: very many due at once: memory stays bounded, nothing is lost, each is refreshed once. */
import { residentMiB } from '../processes.mjs';
import { tell } from './commands.mjs';
import { makeDue, medianOf, sql } from './world.mjs';

const FEW = 1000;
const SAMPLED = 200;
const HEADING = ['due at once', 'refreshes/s', 'rate', 'most memory', 'above idle', 'lost'];

/** @returns {Promise<string[][]>} a table */
export async function herdRows(world, count, say) {
  const url = await world.database('bench_herd');
  // Whoever made so many has grown by that: another process refreshes them.
  const maker = await world.vault(url);
  const ids = await tell(maker, 'import', { issuer: world.upstream.url, count });
  say(`${count} connections made`);
  const floor = await world.floor(url);
  await tell(floor, 'import', { count: Math.min(count, 10 * FEW) });
  const vault = await world.vault(url);
  const bare = [];
  const measureFloor = async () => {
    const run = await tell(floor, 'sweep', { count: Math.min(count, 10 * FEW) });
    bare.push((run.refreshed / run.milliseconds) * 1000);
  };
  // Warms it up, and is not counted.
  await measureFloor();
  bare.length = 0;
  const idle = residentMiB(vault.pid);
  const rows = [];
  let done = 0;
  // Ten times as many must not need ten times as much.
  for (const due of [FEW, Math.ceil(count / 10), count]) {
    await makeDue(url, due);
    const before = await world.upstream.stats();
    const { report, most } = await watched(vault);
    await world.upstream.audit(before, due);
    done += due;
    const lost = await lostOf(world, maker, url, ids, done);
    if (report.refreshed !== due || lost !== 0) throw new Error(`${lost} lost; ${JSON.stringify(report)}`);
    rows.push({ due, most, perSecond: (due / report.milliseconds) * 1000 });
    await measureFloor();
  }
  return [
    HEADING,
    ...rows.map(({ due, most, perSecond }) => [
      String(due),
      perSecond.toFixed(0),
      `${(perSecond / medianOf(bare)).toFixed(2)} of the floor`,
      `${most.toFixed(0)} MiB`,
      `${(most - idle).toFixed(0)} MiB`,
      '0',
    ]),
  ];
}

/** A sweep, and the most memory that its process had meanwhile. */
async function watched(vault) {
  let most = residentMiB(vault.pid);
  const sampling = setInterval(() => (most = Math.max(most, residentMiB(vault.pid))), 50);
  try {
    return { report: await tell(vault, 'sweep'), most };
  } finally {
    clearInterval(sampling);
  }
}

/** Connections still due, refreshes without a journal, and tokens of a sample that are not the upstream's current ones. */
async function lostOf(world, maker, url, ids, done) {
  const [row] = await sql(url, [
    `SELECT count(*) FILTER (WHERE next_refresh_at <= now() OR status <> 'active' OR lease_owner IS NOT NULL)::int AS open,
            ${done} - sum(generation - 1)::int AS unmoved,
            ${done} - (SELECT count(*)::int FROM refresh_attempts WHERE outcome = 'refreshed') AS unwritten
     FROM connections`,
  ]);
  let different = 0;
  for (let n = 0; n < SAMPLED; n++) {
    const { family, token } = await tell(maker, 'open', { id: ids[Math.floor((n * ids.length) / SAMPLED)] });
    const { current } = await world.upstream.family(family);
    if (current.refresh_token !== token) different += 1;
  }
  return row.open + Math.abs(row.unmoved) + Math.abs(row.unwritten) + different;
}

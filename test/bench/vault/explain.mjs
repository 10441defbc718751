/** What Postgres does for a statement of the vault, under the session settings that the product gives every connection. */
import { dataSourceOptions, openDataSource } from '../../../dist/apps/server/libs/database/src/index.js';

/**
 * @typedef {{ indexes: string[], scanned: string[], buffers: number, milliseconds: number }} Plan
 *   indexes used; tables read from end to end; pages touched in shared memory or read into it
 */

/** A connection like the product's own. `close` it. */
export async function openExplainer(databaseUrl) {
  const dataSource = await openDataSource(dataSourceOptions({ url: databaseUrl, poolSize: 1, warn: () => {} }));
  const runner = dataSource.createQueryRunner();
  return {
    /**
     * Runs it and undoes it, by the generic plan that a prepared statement has.
     * @param {string} text
     * @param {unknown[]} values
     * @returns {Promise<Plan>}
     */
    explain: async (text, values) => {
      await runner.query(`PREPARE bench_explained AS ${text}`);
      await runner.query('BEGIN');
      try {
        const execute = `EXECUTE bench_explained(${values.map(literal).join(', ')})`;
        const [row] = await runner.query(`EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${execute}`);
        return summary(row['QUERY PLAN'][0]);
      } finally {
        await runner.query('ROLLBACK');
        await runner.query('DEALLOCATE bench_explained');
      }
    },
    close: async () => {
      await runner.release();
      await dataSource.destroy();
    },
  };
}

function summary({ Plan: plan, 'Execution Time': milliseconds }) {
  const nodes = [];
  const walk = (node) => {
    nodes.push(node);
    for (const child of node.Plans ?? []) walk(child);
  };
  walk(plan);
  const distinct = (names) => [...new Set(names.filter((name) => name !== undefined))].toSorted();
  return {
    indexes: distinct(nodes.map((node) => node['Index Name'])),
    scanned: distinct(nodes.filter((node) => node['Node Type'] === 'Seq Scan').map((node) => node['Relation Name'])),
    buffers: plan['Shared Hit Blocks'] + plan['Shared Read Blocks'],
    milliseconds,
  };
}

function literal(value) {
  if (value === null) return 'NULL';
  if (Array.isArray(value)) return quoted(`{${value.map(element).join(',')}}`);
  return typeof value === 'number' ? String(value) : quoted(text(value));
}

const text = (value) => (Buffer.isBuffer(value) ? `\\x${value.toString('hex')}` : String(value));
const element = (value) => (value === null ? 'NULL' : `"${text(value).replace(/[\\"]/g, '\\$&')}"`);
const quoted = (value) => `'${value.replaceAll("'", "''")}'`;

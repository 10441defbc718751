import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { QueryConfig, QueryResultRow } from 'pg';
import { DataSource, type EntityManager } from 'typeorm';
import { poolOf } from './data-source.js';
import { asDatabaseUnavailable, DatabaseUnavailable, isDatabaseUnavailable } from './database-unavailable.js';
import { runInTransaction } from './transactions.js';

/**
 * The way to Postgres. SQL goes straight to pg's pool, past TypeORM; entities and transactions go through it.
 * A failed connection throws DatabaseUnavailable from every method; `dataSource.manager` throws what the driver threw,
 * for which there is `isDatabaseUnavailable`.
 */
@Injectable()
export class Database {
  constructor(@InjectDataSource() readonly dataSource: DataSource) {}

  /** Runs one statement and returns its rows (of INSERT, UPDATE and DELETE: what RETURNING names). */
  async query<T extends object>(sql: string, parameters: readonly unknown[] = []): Promise<T[]> {
    return this.run<T>({ text: sql, values: [...parameters] });
  }

  /**
   * The same for hot paths: Postgres parses and plans the statement once for each connection.
   *
   * @param name at most 63 bytes; one name stands for one text, for good.
   */
  async queryNamed<T extends object>(name: string, sql: string, parameters: readonly unknown[] = []): Promise<T[]> {
    const statement = { text: sql, values: [...parameters] };
    try {
      return await this.run<T>({ ...statement, name });
    } catch (error) {
      // Another instance has migrated a table under a statement that is prepared here. Nothing has run yet.
      if (!isStalePlan(error)) throw error;
      return this.run<T>(statement);
    }
  }

  /** See `runInTransaction`. `manager.query` returns rows, but `[rows, count]` of UPDATE and DELETE. */
  async transaction<T>(work: (manager: EntityManager) => Promise<T>): Promise<T> {
    return runInTransaction(this.dataSource, work);
  }

  private async run<T extends object>(statement: QueryConfig): Promise<T[]> {
    if (!this.dataSource.isInitialized) throw new DatabaseUnavailable();
    let client;
    try {
      client = await poolOf(this.dataSource).connect();
    } catch (error) {
      throw asDatabaseUnavailable(error);
    }
    // Not `pool.query`, which closes the connection after any error, a violated constraint too.
    try {
      const { rows } = await client.query<T & QueryResultRow>(statement);
      client.release();
      return rows;
    } catch (error) {
      client.release(isDatabaseUnavailable(error) || isStalePlan(error));
      throw asDatabaseUnavailable(error);
    }
  }
}

/** "cached plan must not change result type": the prepared statement is of no use any more, nor is its connection. */
function isStalePlan(error: unknown): boolean {
  const { code, routine } = error as { code?: unknown; routine?: unknown };
  return code === '0A000' && routine === 'RevalidateCachedQuery';
}

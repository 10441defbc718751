import {
  QueryFailedError,
  QueryRunnerAlreadyReleasedError,
  QueryRunnerProviderAlreadyReleasedError,
  type DataSource,
  type EntityManager,
  type QueryRunner,
} from 'typeorm';
import { asDatabaseUnavailable, DatabaseUnavailable, isDatabaseUnavailable } from './database-unavailable.js';

/**
 * Runs `work` in one transaction (READ COMMITTED) and commits; when it throws, all of it is undone and the error goes
 * on. Keep it short, and await nothing but the database in it: it holds one connection of the pool.
 *
 * @throws DatabaseUnavailable when the connection fails. If that happens during the commit, whether it took effect is
 *   unknown: write so that doing it again is harmless.
 */
export async function runInTransaction<T>(
  dataSource: DataSource,
  work: (manager: EntityManager) => Promise<T>,
): Promise<T> {
  if (!dataSource.isInitialized) throw new DatabaseUnavailable();
  const runner = dataSource.createQueryRunner();
  try {
    await runner.connect();
    await runner.startTransaction();
    const result = await work(runner.manager);
    await runner.commitTransaction();
    await runner.release();
    return result;
  } catch (error) {
    // TypeORM lets go of a connection that broke; what the caller then sees is only the second statement's complaint.
    const complaint =
      error instanceof QueryRunnerAlreadyReleasedError || error instanceof QueryRunnerProviderAlreadyReleasedError;
    const broke = runner.isReleased && complaint;
    await giveBack(runner, error);
    throw broke ? new DatabaseUnavailable({ cause: error }) : withoutParameters(asDatabaseUnavailable(error));
  }
}

/** Rolls back and returns the connection to the pool, or has the pool drop it where that is not possible. */
async function giveBack(runner: QueryRunner, error: unknown): Promise<void> {
  if (runner.isReleased) return;
  let failure: unknown = isDatabaseUnavailable(error) ? error : undefined;
  if (failure === undefined && runner.isTransactionActive) {
    failure = await runner.rollbackTransaction().then(
      () => undefined,
      (rollbackError: unknown) => rollbackError,
    );
  }
  if (failure === undefined) await runner.release();
  // Declared private, but the only way to tell the pool that this connection must not be used again.
  else await (runner as unknown as Droppable).releasePostgresConnection(failure);
}

interface Droppable {
  releasePostgresConnection(error: unknown): Promise<void>;
}

/** TypeORM's errors carry the values of the statement, which may be personal; logs print what errors carry. */
function withoutParameters(error: unknown): unknown {
  if (error instanceof QueryFailedError) Object.assign(error, { parameters: undefined });
  return error;
}

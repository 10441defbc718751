import { ConfigurationError, type ConfigurationFault } from './configuration-error.js';
import type { GatehouseConfig } from './gatehouse-config.js';
import { loadConfig } from './load-config.js';

/** For specs: the configuration that this environment and this text of a YAML file make. */
export function load(env: NodeJS.ProcessEnv = {}, yaml?: string): GatehouseConfig {
  if (yaml === undefined) return loadConfig(env, unexpectedRead);
  return loadConfig({ ...env, GATEHOUSE_CONFIG: 'gatehouse.yaml' }, () => yaml);
}

/** For specs: the refusal; a configuration that is accepted fails the test. */
export function refusalOf(env: NodeJS.ProcessEnv, yaml?: string): ConfigurationError {
  try {
    load(env, yaml);
  } catch (error) {
    if (error instanceof ConfigurationError) return error;
    throw error;
  }
  throw new Error('expected the configuration to be refused, but it was accepted');
}

export function faultsOf(env: NodeJS.ProcessEnv, yaml?: string): readonly ConfigurationFault[] {
  return refusalOf(env, yaml).faults;
}

/** For specs: the keys at fault, in the order of the report. */
export function faultyKeys(env: NodeJS.ProcessEnv, yaml?: string): string[] {
  return faultsOf(env, yaml).map(({ key }) => key);
}

function unexpectedRead(path: string): string {
  throw new Error(`no file was configured, but ${path} was read`);
}

/** For specs: an environment that production accepts. */
export const productionEnvironment = {
  NODE_ENV: 'production',
  PUBLIC_URL: 'https://login.example.com',
  DATABASE_URL: 'postgres://gatehouse:db-password@db.internal/gatehouse',
  REDIS_URL: 'rediss://:redis-password@redis.internal:6379',
  GATEHOUSE_MASTER_KEYS: `k1:${Buffer.alloc(32, 'first').toString('base64url')}`,
} as const;

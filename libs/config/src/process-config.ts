import { readFileSync } from 'node:fs';
import type { GatehouseConfig } from './gatehouse-config.js';
import { loadConfig } from './load-config.js';

/**
 * The configuration of this process: the only place that reads `process.env`.
 *
 * @throws ConfigurationError with every fault
 */
export function loadConfigFromProcess(): GatehouseConfig {
  return loadConfig(process.env, (path) => readFileSync(path, 'utf8'));
}

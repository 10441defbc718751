import type { FaultCollector } from './configuration-error.js';
import type { Settings } from './settings.schema.js';
import { isLoopbackHost, publicUrlFault, withoutTrailingSlash } from './urls.js';

/** Where and how this process runs: what many settings are judged against. */
export interface Deployment {
  readonly production: boolean;
  /** Without trailing slash (D3). */
  readonly publicUrl: string;
  /** D22: not production, and the public URL is loopback. */
  readonly testAllowed: boolean;
  /** undefined: the development identity provider is not started. */
  readonly testIdpPort: number | undefined;
  readonly allowPrivate: boolean;
}

/** A word like `prod` must not silently mean development with its test provider: it is a fault, and judged as production. */
function isProduction(env: NodeJS.ProcessEnv, faults: FaultCollector): boolean {
  const mode = env.NODE_ENV?.trim() ?? '';
  if (mode === '' || mode === 'development' || mode === 'test') return false;
  if (mode !== 'production') faults.add('NODE_ENV', 'must be production, development or test; correct or unset it');
  return true;
}

/** Reads NODE_ENV, and derives from the settings what D22 and D63 make of it. */
export function deploymentOf(env: NodeJS.ProcessEnv, settings: Settings, faults: FaultCollector): Deployment {
  const production = isProduction(env, faults);
  const given = settings.public_url;
  const usable = given !== undefined && publicUrlFault(given) === undefined;
  const publicUrl = usable ? withoutTrailingSlash(given) : `http://localhost:${settings.port}`;
  const testAllowed = !production && isLoopbackHost(new URL(publicUrl).hostname);
  const wanted = settings.test_idp_port ?? settings.port + 1;
  return {
    production,
    publicUrl,
    testAllowed,
    testIdpPort: testAllowed && wanted !== 'off' ? wanted : undefined,
    allowPrivate: settings.outbound.allow_private ?? !production,
  };
}

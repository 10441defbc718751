/** Where the development identity provider listens and who its client is. */
export interface TestIdpSettings {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** undefined: `http://localhost:{port}`, once the port is known. */
  readonly issuer: string | undefined;
  readonly gatehousePublicUrl: string;
  /** Folder in which what was issued is kept; undefined: it is forgotten with the process. */
  readonly dataDir: string | undefined;
}

/**
 * Reads the environment.
 *
 * @throws Error naming every variable that is wrong and, with `NODE_ENV=production`, always: an identity provider
 * that asks for no password has no place there (D22).
 */
export function readTestIdpSettings(env: Readonly<Record<string, string | undefined>>): TestIdpSettings {
  if (env.NODE_ENV === 'production') {
    throw new Error('The test identity provider signs anybody in without a password: it does not run in production.');
  }
  const faults: string[] = [];
  const port = env.TEST_IDP_PORT || '8081';
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535) {
    faults.push(`TEST_IDP_PORT must be a port number from 0 to 65535, not "${port}"`);
  }
  const issuer = env.TEST_IDP_ISSUER || undefined;
  if (issuer !== undefined && !isOrigin(issuer)) {
    faults.push(`TEST_IDP_ISSUER must be an origin such as http://localhost:8081, not "${issuer}"`);
  }
  const gatehousePublicUrl = env.GATEHOUSE_PUBLIC_URL || 'http://localhost:8080';
  if (!/^https?:\/\//.test(gatehousePublicUrl) || !URL.canParse(gatehousePublicUrl)) {
    faults.push(`GATEHOUSE_PUBLIC_URL must be an http or https URL, not "${gatehousePublicUrl}"`);
  }
  if (faults.length > 0) throw new Error(faults.join('\n'));
  const dataDir = env.TEST_IDP_DATA_DIR || undefined;
  return { host: env.HOST || '127.0.0.1', port: Number(port), issuer, gatehousePublicUrl, dataDir };
}

function isOrigin(text: string): boolean {
  return /^https?:\/\//.test(text) && URL.canParse(text) && new URL(text).origin === text;
}

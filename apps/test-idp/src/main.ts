/**
 * Starts the development identity providers, OpenID Connect and SAML. By hand: `node dist/apps/test-idp/apps/test-idp/src/main.js`. The server
 * forks it, is told `{ ready: true, issuer }` once it answers, and takes it along when it ends.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { readTestIdpSettings } from './test-idp-settings.js';
import { createTestIdp, gatehouseClient, gatehouseMetadataUrl } from './test-idp.js';

function fail(error: unknown): never {
  console.error(`test-idp: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(1);
}

function readSettings(): ReturnType<typeof readTestIdpSettings> {
  try {
    return readTestIdpSettings(process.env);
  } catch (error) {
    return fail(error);
  }
}

const settings = readSettings();
const server = createServer();
server.once('error', (error: NodeJS.ErrnoException) => {
  const taken = `port ${settings.port} is taken; set TEST_IDP_PORT to a free one`;
  fail(error.code === 'EADDRINUSE' ? taken : error);
});
server.listen(settings.port, settings.host, () => {
  const { port } = server.address() as AddressInfo;
  const idp = createTestIdp({
    issuer: settings.issuer ?? `http://localhost:${port}`,
    clients: [gatehouseClient(settings.gatehousePublicUrl)],
    serviceProviderMetadataUrl: gatehouseMetadataUrl(settings.gatehousePublicUrl),
    ...(settings.dataDir === undefined ? {} : { recordsPath: join(settings.dataDir, 'records.jsonl') }),
    onServerError: (error) => console.error('test-idp:', error),
  });
  server.on('request', idp.callback());
  if (process.send) process.send({ ready: true, issuer: idp.issuer });
  else console.log(`Test identity provider at ${idp.issuer}`);
});

function stop(): void {
  process.exit(0); // whatever outlives the process is written already, so there is nothing to wait for
}
// A forked child must not outlive its parent, however that one ended.
if (process.send) process.once('disconnect', stop);
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, stop);

/**
 * The peer: Ory Polis (npm @boxyhq/saml-jackson) over Redis, as its users embed it. The bench installs it outside of our
 * dependencies and names its folder in JACKSON.
 *
 * GET /authorize answers {redirect_url}; POST /acs answers 302 to the client with a code.
 */
import { createServer } from 'node:http';
import { pathToFileURL } from 'node:url';

// Its CommonJS hides its default inside ours.
const { default: exported } = await import(pathToFileURL(process.env.JACKSON).href);
const jackson = exported.default ?? exported;
const port = Number(process.env.PORT);
const redirect = 'https://client.example/callback';
const { connectionAPIController, oauthController } = await jackson({
  externalUrl: `http://127.0.0.1:${port}`,
  samlAudience: 'https://saml.bench.example',
  samlPath: '/acs',
  db: { engine: 'redis', url: process.env.REDIS_URL },
  openid: {},
  noAnalytics: true,
  logger: { info: () => {}, warn: () => {}, error: () => {} },
});
await connectionAPIController.createSAMLConnection({
  rawMetadata: process.env.IDP_METADATA,
  tenant: 'bench',
  product: 'bench',
  defaultRedirectUrl: redirect,
  redirectUrl: JSON.stringify([redirect]),
});

async function bodyOf(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return Object.fromEntries(new URLSearchParams(Buffer.concat(chunks).toString()));
}

createServer(async (request, response) => {
  try {
    if (request.url === '/raw') return response.end('{}');
    const { redirect_url } =
      request.url === '/authorize'
        ? await oauthController.authorize({
            tenant: 'bench',
            product: 'bench',
            client_id: 'dummy',
            redirect_uri: redirect,
            response_type: 'code',
            state: 'state',
            code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
            code_challenge_method: 'S256',
          })
        : await oauthController.samlResponse(await bodyOf(request));
    if (request.url === '/authorize') return response.end(JSON.stringify({ redirect_url }));
    response.writeHead(302, { location: redirect_url, 'content-length': 0 });
    response.end();
  } catch (error) {
    response.statusCode = 500;
    response.end(String(error?.stack ?? error));
  }
}).listen(port, '127.0.0.1');
process.on('SIGTERM', () => process.exit(0));

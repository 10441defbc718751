// oxlint-disable oxc/no-async-endpoint-handlers -- Express 5 passes on what an async handler throws
import { importPKCS8 } from 'jose';
import * as oauth from 'oauth4webapi';
import { expressApplication, listen, self } from './application.mjs';

const insecure = { [oauth.allowInsecureRequests]: true };
const issuer = new URL(self.issuer);
const server = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, insecure));
const client = { client_id: self.clientId };
const proof =
  self.privateKey === undefined
    ? oauth.ClientSecretBasic(self.clientSecret)
    : oauth.PrivateKeyJwt(await importPKCS8(self.privateKey, 'RS256'));
const bound = self.binds ? { DPoP: oauth.DPoP(client, await oauth.generateKeyPair('ES256')) } : {};
const options = { ...insecure, ...bound };
const callback = `${self.url}/callback`;
const app = expressApplication();

async function pushed(parameters) {
  const response = await oauth.pushedAuthorizationRequest(server, client, proof, parameters, insecure);
  const { request_uri: requestUri } = await oauth.processPushedAuthorizationResponse(server, client, response);
  return new URLSearchParams({ client_id: self.clientId, request_uri: requestUri });
}

app.get('/login', async (request, response) => {
  const verifier = oauth.generateRandomCodeVerifier();
  const [state, nonce] = [oauth.generateRandomState(), oauth.generateRandomNonce()];
  request.session.login = { verifier, state, nonce };
  const parameters = new URLSearchParams({
    client_id: self.clientId,
    redirect_uri: callback,
    response_type: 'code',
    scope: 'openid profile email',
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    login_hint: self.person,
    state,
    nonce,
  });
  const url = new URL(server.authorization_endpoint);
  url.search = (self.pushes ? await pushed(parameters) : parameters).toString();
  response.redirect(url.href);
});

app.get('/callback', async (request, response) => {
  const { verifier, state, nonce } = request.session.login ?? {};
  const answer = oauth.validateAuthResponse(server, client, new URL(request.url, self.url), state);
  const answered = await oauth.authorizationCodeGrantRequest(
    server,
    client,
    proof,
    answer,
    callback,
    verifier,
    options,
  );
  const checks = { expectedNonce: nonce, requireIdToken: true };
  const tokens = await oauth.processAuthorizationCodeResponse(server, client, answered, checks);
  await oauth.validateApplicationLevelSignature(server, answered, insecure);
  Object.assign(request.session, { tokens, claims: oauth.getValidatedIdTokenClaims(tokens), login: undefined });
  response.redirect('/me');
});

app.get('/me', (request, response) => {
  const { claims } = request.session;
  if (claims === undefined) return response.status(401).end();
  response.json(claims);
});

app.get('/tokens', (request, response) => response.json(request.session.tokens));

app.get('/userinfo', async (request, response) => {
  const { tokens, claims } = request.session;
  const answered = await oauth.userInfoRequest(server, client, tokens.access_token, options);
  response.json(await oauth.processUserInfoResponse(server, client, claims.sub, answered));
});

app.get('/refresh', async (request, response) => {
  const { refresh_token: token } = request.session.tokens;
  const answered = await oauth.refreshTokenGrantRequest(server, client, proof, token, options);
  request.session.tokens = await oauth.processRefreshTokenResponse(server, client, answered);
  response.redirect('/tokens');
});

listen(app);

// oxlint-disable oxc/no-async-endpoint-handlers -- Express 5 passes on what an async handler throws
import { createPrivateKey } from 'node:crypto';
import { importPKCS8 } from 'jose';
import * as oidc from 'openid-client';
import { expressApplication, listen, self } from './application.mjs';

const proof =
  self.privateKey === undefined
    ? oidc.ClientSecretBasic(self.clientSecret)
    : oidc.PrivateKeyJwt(
        await importPKCS8(createPrivateKey(self.privateKey).export({ type: 'pkcs8', format: 'pem' }), 'RS256'),
      );
const config = await oidc.discovery(new URL(self.issuer), self.clientId, undefined, proof, {
  execute: [oidc.allowInsecureRequests, oidc.enableNonRepudiationChecks],
});
const bound = self.binds ? { DPoP: oidc.getDPoPHandle(config, await oidc.randomDPoPKeyPair()) } : {};
const app = expressApplication();

app.get('/login', async (request, response) => {
  const verifier = oidc.randomPKCECodeVerifier();
  const [state, nonce] = [oidc.randomState(), oidc.randomNonce()];
  request.session.login = { verifier, state, nonce };
  const build = self.pushes ? oidc.buildAuthorizationUrlWithPAR : oidc.buildAuthorizationUrl;
  const url = await build(config, {
    redirect_uri: `${self.url}/callback`,
    scope: 'openid profile email',
    code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    login_hint: self.person,
    state,
    nonce,
  });
  response.redirect(url.href);
});

app.get('/callback', async (request, response) => {
  const { verifier, state, nonce } = request.session.login ?? {};
  const checks = { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce };
  const tokens = await oidc.authorizationCodeGrant(config, new URL(request.url, self.url), checks, undefined, bound);
  Object.assign(request.session, { tokens, claims: tokens.claims(), login: undefined });
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
  response.json(await oidc.fetchUserInfo(config, tokens.access_token, claims.sub, bound));
});

app.get('/refresh', async (request, response) => {
  const { refresh_token: token } = request.session.tokens;
  request.session.tokens = await oidc.refreshTokenGrant(config, token, undefined, bound);
  response.redirect('/tokens');
});

app.get('/logout', (request, response) => {
  const { id_token: idToken } = request.session.tokens;
  const url = oidc.buildEndSessionUrl(config, { id_token_hint: idToken, post_logout_redirect_uri: `${self.url}/` });
  request.session.destroy(() => response.redirect(url.href));
});

listen(app);

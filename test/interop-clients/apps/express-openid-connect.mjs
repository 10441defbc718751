// oxlint-disable oxc/no-async-endpoint-handlers -- Express 5 passes on what an async handler throws
import express from 'express';
import session from 'express-session';
import openid from 'express-openid-connect';
import { listen, self } from './application.mjs';

const app = express();
app.use(
  openid.auth({
    issuerBaseURL: self.issuer,
    baseURL: self.url,
    clientID: self.clientId,
    ...(self.privateKey === undefined
      ? { clientSecret: self.clientSecret }
      : { clientAssertionSigningKey: self.privateKey, clientAssertionSigningAlg: 'RS256' }),
    secret: 'nobody-else-knows-this-secret-of-the-cookie',
    authRequired: false,
    idpLogout: true,
    pushedAuthorizationRequests: self.pushes,
    backchannelLogout: { store: new session.MemoryStore() },
    authorizationParams: { response_type: 'code', scope: 'openid profile email', login_hint: self.person },
  }),
);

app.get('/', (_request, response) => response.end());

app.get('/me', (request, response) => {
  if (!request.oidc.isAuthenticated()) return response.status(401).end();
  response.json(request.oidc.user);
});

app.get('/tokens', ({ oidc }, response) =>
  response.json({ access_token: oidc.accessToken.access_token, refresh_token: oidc.refreshToken }),
);

app.get('/userinfo', async (request, response) => response.json(await request.oidc.fetchUserInfo()));

app.get('/refresh', async (request, response) => {
  await request.oidc.accessToken.refresh();
  response.redirect('/tokens');
});

listen(app);

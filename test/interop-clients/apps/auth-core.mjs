/** `@auth/core` behind the HTTP server of Node, with nothing of a framework between them. */
import { createServer } from 'node:http';
import { Auth } from '@auth/core';
import { importPKCS8 } from 'jose';
import { self } from './application.mjs';

const proof =
  self.privateKey === undefined
    ? { clientSecret: self.clientSecret }
    : {
        client: { token_endpoint_auth_method: 'private_key_jwt' },
        token: { clientPrivateKey: await importPKCS8(self.privateKey, 'RS256') },
      };

const config = {
  secret: 'nobody-else-knows',
  trustHost: true,
  basePath: '/auth',
  providers: [
    {
      id: 'gatehouse',
      name: 'Gatehouse',
      type: 'oidc',
      issuer: self.issuer,
      clientId: self.clientId,
      ...proof,
      authorization: { params: { scope: 'openid profile email', login_hint: self.person } },
      checks: ['pkce', 'state', 'nonce'],
      // The profile comes from UserInfo; without this line from the ID token.
      idToken: false,
    },
  ],
  callbacks: {
    jwt: ({ token, account, profile }) => (account ? { ...token, profile, tokens: account } : token),
    session: ({ session, token }) => ({ ...session, profile: token.profile, tokens: token.tokens }),
  },
};

async function toRequest(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const headers = new Headers();
  for (const [name, value] of Object.entries(request.headers)) headers.set(name, String(value));
  const body = request.method === 'POST' ? Buffer.concat(chunks) : undefined;
  return new Request(new URL(request.url, self.url), { method: request.method, headers, body });
}

const { hostname, port } = new URL(self.url);
createServer(async (request, response) => {
  const answer = await Auth(await toRequest(request), config);
  response.statusCode = answer.status;
  for (const [name, value] of answer.headers) if (name !== 'set-cookie') response.setHeader(name, value);
  response.setHeader('set-cookie', answer.headers.getSetCookie());
  response.end(Buffer.from(await answer.arrayBuffer()));
}).listen(Number(port), hostname, () => console.log('listening'));

/**
 * The peer: npm's oidc-provider as its users run it in production: Redis adapter, JWT access tokens (ES256) for the
 * machine grant and for applications' logins, as ours are, opaque ones for people else, rotating refresh tokens.
 * `/bench/seed` writes, through its own models, what a finished sign-in would have left behind. Its interaction signs in
 * whoever is hinted at, who allows everything.
 */
import { createServer } from 'node:http';
import { Redis } from 'ioredis';
import { exportJWK, generateKeyPair } from 'jose';
import { Provider } from 'oidc-provider';
import { PEER_APPLICATION } from './application-logins.mjs';

const redis = new Redis(process.env.REDIS_SOCKET, { keyPrefix: 'peer:', enableAutoPipelining: true });
const consumable = new Set(['AuthorizationCode', 'RefreshToken', 'DeviceCode', 'BackchannelAuthenticationRequest']);

class RedisAdapter {
  constructor(name) {
    this.name = name;
  }
  key(id) {
    return `${this.name}:${id}`;
  }
  async upsert(id, payload, expiresIn) {
    const key = this.key(id);
    const multi = redis.multi();
    if (consumable.has(this.name)) multi.hset(key, { payload: JSON.stringify(payload) });
    else multi.set(key, JSON.stringify(payload));
    if (expiresIn) multi.expire(key, expiresIn);
    if (payload.grantId) multi.rpush(`grant:${payload.grantId}`, key);
    if (payload.uid) multi.set(`uid:${payload.uid}`, id, 'EX', expiresIn);
    await multi.exec();
  }
  async find(id) {
    const key = this.key(id);
    if (!consumable.has(this.name)) {
      const value = await redis.get(key);
      return value === null ? undefined : JSON.parse(value);
    }
    const { payload, ...rest } = await redis.hgetall(key);
    return payload === undefined ? undefined : { ...rest, ...JSON.parse(payload) };
  }
  async findByUid(uid) {
    return this.find(await redis.get(`uid:${uid}`));
  }
  async consume(id) {
    await redis.hset(this.key(id), 'consumed', Math.floor(Date.now() / 1000));
  }
  async destroy(id) {
    await redis.del(this.key(id));
  }
  async revokeByGrantId(grantId) {
    const keys = await redis.lrange(`grant:${grantId}`, 0, -1);
    await redis.del(...keys, `grant:${grantId}`);
  }
}

const port = Number(process.env.PORT);
const issuer = `http://127.0.0.1:${port}`;
const keys = [];
for (const alg of ['ES256', 'RS256']) {
  const { privateKey } = await generateKeyPair(alg, { extractable: true });
  keys.push({ ...(await exportJWK(privateKey)), alg, use: 'sig', kid: alg });
}
const provider = new Provider(issuer, {
  adapter: RedisAdapter,
  jwks: { keys },
  cookies: { keys: ['bench-cookie-key'] },
  clients: [
    {
      client_id: 'bench',
      client_secret: 'bench-secret-bench-secret-bench-secret',
      grant_types: ['client_credentials', 'refresh_token', 'authorization_code'],
      redirect_uris: ['https://client.example/cb'],
      token_endpoint_auth_method: 'client_secret_post',
    },
    PEER_APPLICATION,
  ],
  claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
  findAccount: (_context, sub) => ({
    accountId: sub,
    claims: () => ({ sub, email: `${sub}@example.test`, email_verified: true, name: sub }),
  }),
  rotateRefreshToken: true,
  // Of itself it wants the person asked anew for each one (OIDC Core §11).
  issueRefreshToken: (_context, client) => client.grantTypeAllowed('refresh_token'),
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    introspection: { enabled: true },
    revocation: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: (context) =>
        context.oidc.params?.grant_type === 'client_credentials' ||
        context.oidc.client?.clientId === PEER_APPLICATION.client_id
          ? 'urn:bench'
          : undefined,
      useGrantedResource: () => true,
      getResourceServerInfo: () => ({
        scope: '',
        accessTokenFormat: 'jwt',
        jwt: { sign: { alg: 'ES256' } },
      }),
    },
  },
});

/** What a finished sign-in leaves: a grant, an access token, a refresh token. */
async function seed(n) {
  const client = await provider.Client.find('bench');
  const accountId = `user-${n}`;
  const grant = new provider.Grant({ accountId, clientId: 'bench' });
  grant.addOIDCScope('openid email profile offline_access');
  const grantId = await grant.save();
  const common = {
    accountId,
    client,
    grantId,
    gty: 'authorization_code',
    scope: 'openid email profile offline_access',
  };
  const claims = { claims: {}, authTime: Math.floor(Date.now() / 1000) };
  const accessToken = await new provider.AccessToken({ ...common, ...claims }).save();
  const refreshToken = await new provider.RefreshToken({ ...common, ...claims }).save();
  return { access_token: accessToken, refresh_token: refreshToken };
}

async function interact(request, response) {
  const { params, prompt, session } = await provider.interactionDetails(request, response);
  if (prompt.name === 'login')
    return provider.interactionFinished(request, response, { login: { accountId: params.login_hint } });
  const grant = new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
  grant.addOIDCScope('openid email profile offline_access');
  return provider.interactionFinished(request, response, { consent: { grantId: await grant.save() } });
}

const handle = provider.callback();
createServer((request, response) => {
  if (request.url.startsWith('/interaction/')) return interact(request, response);
  if (request.url !== '/bench/seed') return handle(request, response);
  seed(Math.random().toString(36).slice(2)).then(
    (tokens) => response.end(JSON.stringify(tokens)),
    (error) => {
      response.statusCode = 500;
      response.end(String(error.stack));
    },
  );
}).listen(port, '127.0.0.1');
process.on('SIGTERM', () => process.exit(0));

/**
 * An OpenID provider on a loopback port that is honest until told to lie: each field of `lies` is one fault. There is
 * no login page: `answer(url)` plays the browser and returns the query that would come back to the callback.
 */
import { createHash, randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, SignJWT, UnsecuredJWT, type CryptoKey, type JWK, type JWTPayload } from 'jose';

type Json = Record<string, unknown>;

export interface Lies {
  discovery?: (response: ServerResponse) => void;
  metadata?: Json;
  /** Merged over the honest claims; undefined removes one. */
  idToken?: Json;
  /** Replaces the honest signing of the ID token. */
  sign?: (claims: JWTPayload) => Promise<string>;
  header?: { kid?: string; typ?: string };
  token?: (response: ServerResponse) => void;
  tokenBody?: Json;
  userinfo?: Json | ((response: ServerResponse) => void);
}

interface Login {
  readonly nonce: string | null;
  readonly challenge: string | null;
  readonly redirectUri: string | null;
}

export interface SigningKey {
  readonly kid: string;
  readonly privateKey: CryptoKey;
  readonly jwk: JWK;
}

export const CLIENT_ID = 'gatehouse';
export const CLIENT_SECRET = 'upstream-client-secret';

export async function newKey(kid: string): Promise<SigningKey> {
  const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true });
  return { kid, privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg: 'ES256', use: 'sig' } };
}

export class LyingOidcServer {
  lies: Lies = {};
  /** Claims of the honest user, in both the ID token and userinfo. */
  idTokenClaims: Json = {};
  userinfoClaims: Json = { email: 'ada@acme.test', email_verified: true, name: 'Ada Lovelace', groups: ['eng'] };
  requests: string[] = [];
  lastTokenRequest: URLSearchParams | undefined;
  lastTokenAuthorization: string | undefined;
  readonly #logins = new Map<string, Login>();

  private constructor(
    readonly server: Server,
    readonly issuer: string,
    public keys: SigningKey[],
  ) {}

  static async start({ port: wanted = 0 } = {}): Promise<LyingOidcServer> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(wanted, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const lying = new LyingOidcServer(server, `http://127.0.0.1:${port}`, [await newKey('first')]);
    server.on('request', (request, response) => {
      lying.#serve(request, response).catch((error: unknown) => json(response, { crashed: String(error) }, 500));
    });
    return lying;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  /** What the browser would bring back after the user signed in at `authorizationUrl`. */
  answer(authorizationUrl: string, extra: Record<string, string> = {}): URLSearchParams {
    const asked = new URL(authorizationUrl).searchParams;
    const code = randomBytes(16).toString('base64url');
    this.#logins.set(code, {
      nonce: asked.get('nonce'),
      challenge: asked.get('code_challenge'),
      redirectUri: asked.get('redirect_uri'),
    });
    return new URLSearchParams({ code, state: asked.get('state') ?? '', ...extra });
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = new URL(request.url ?? '/', this.issuer).pathname;
    this.requests.push(path);
    switch (path) {
      case '/.well-known/openid-configuration':
        return this.lies.discovery ? this.lies.discovery(response) : json(response, this.#metadata());
      case '/jwks':
        return json(response, { keys: this.keys.map(({ jwk }) => jwk) });
      case '/token':
        return this.#token(request, response);
      case '/userinfo': {
        const { userinfo } = this.lies;
        if (typeof userinfo === 'function') return userinfo(response);
        return json(response, { sub: 'ada', ...this.userinfoClaims, ...userinfo });
      }
      default:
        return json(response, {}, 404);
    }
  }

  #metadata(): Json {
    return {
      issuer: this.issuer,
      authorization_endpoint: `${this.issuer}/authorize`,
      token_endpoint: `${this.issuer}/token`,
      jwks_uri: `${this.issuer}/jwks`,
      userinfo_endpoint: `${this.issuer}/userinfo`,
      id_token_signing_alg_values_supported: ['ES256', 'RS256', 'HS256', 'none'],
      ...this.lies.metadata,
    };
  }

  async #token(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const form = new URLSearchParams(await textOf(request));
    this.lastTokenRequest = form;
    this.lastTokenAuthorization = request.headers.authorization;
    if (this.lies.token) return this.lies.token(response);
    if (form.get('grant_type') === 'refresh_token') {
      return json(response, { access_token: 'at-2', refresh_token: 'rt-2', token_type: 'Bearer', expires_in: 60 });
    }
    const login = this.#logins.get(form.get('code') ?? '');
    this.#logins.delete(form.get('code') ?? '');
    const challenge = createHash('sha256')
      .update(form.get('code_verifier') ?? '')
      .digest('base64url');
    if (!login || login.challenge !== challenge || login.redirectUri !== form.get('redirect_uri')) {
      return json(response, { error: 'invalid_grant', error_description: `code ${form.get('code')} is no good` }, 400);
    }
    return json(response, {
      access_token: 'at-1',
      refresh_token: 'rt-1',
      token_type: 'Bearer',
      expires_in: 300,
      id_token: await this.#idToken(login),
      ...this.lies.tokenBody,
    });
  }

  async #idToken(login: Login): Promise<string> {
    const now = Math.floor(Date.now() / 1000);
    const claims: JWTPayload = {
      iss: this.issuer,
      sub: 'ada',
      aud: CLIENT_ID,
      iat: now,
      exp: now + 300,
      nonce: login.nonce ?? undefined,
      ...this.idTokenClaims,
      ...this.lies.idToken,
    };
    if (this.lies.sign) return this.lies.sign(claims);
    const [key] = this.keys;
    if (!key) throw new Error('the lying server has no key');
    return new SignJWT(claims)
      .setProtectedHeader({ alg: 'ES256', kid: key.kid, ...this.lies.header })
      .sign(key.privateKey);
  }
}

export const unsigned = async (claims: JWTPayload): Promise<string> => new UnsecuredJWT(claims).encode();

export function json(response: ServerResponse, body: unknown, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

export async function textOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return text;
}

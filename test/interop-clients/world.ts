import { generateKeyPairSync } from 'node:crypto';
import { freePort } from '../harness/gatehouse.js';
import { bearer, signInAsTest } from '../harness/sign-in.js';
import { startInstallation } from '../harness/suite.js';
import { json, send } from '../protocol/http.js';
import type { ClientKind, Registration, RelyingParty } from './relying-party.js';

const APPLICATIONS = '/api/v1/organizations/default/applications';
const KID = 'of-the-application';

/** How an application differs from what most are. */
export interface Ways {
  readonly proof?: 'secret' | 'wrong secret' | 'key';
  readonly pushes?: boolean;
  readonly binds?: boolean;
}

/** A server and the applications of one kind of client, each registered over HTTP by an administrator. */
export interface World {
  readonly server: string;
  application(ways?: Ways): Promise<{ readonly party: RelyingParty; readonly id: string }>;
  /** As the administrator does. */
  disable(id: string): Promise<void>;
  stop(): Promise<void>;
}

export async function startWorld(kind: ClientKind): Promise<World> {
  const installation = await startInstallation({ yaml: 'admins: ["test:boss@test.tmi"]\n' });
  const server = installation.server.publicUrl;
  const boss = bearer((await signInAsTest(server, 'boss')).access_token);
  const running: RelyingParty[] = [];
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const pem = String(privateKey.export({ type: 'pkcs8', format: 'pem' }));
  const jwk = { ...publicKey.export({ format: 'jwk' }), kid: KID };

  const proofOf = (proof: Ways['proof'], secret: string): Registration['proof'] => {
    if (proof === 'key') return { privateKey: pem, kid: KID };
    return { secret: proof === 'wrong secret' ? 'a-secret-that-nobody-ever-gave-to-it' : secret };
  };
  return {
    server,
    application: async ({ proof = 'secret', pushes = false, binds = false } = {}) => {
      const place = kind.place(await freePort());
      const input = {
        name: 'The application',
        redirect_uris: [place.callback],
        post_logout_redirect_uris: [place.afterLogout],
        ...(place.backchannelLogout === undefined ? {} : { backchannel_logout_uri: place.backchannelLogout }),
        ...(proof === 'key' ? { jwks: { keys: [jwk] }, token_endpoint_auth_method: 'private_key_jwt' } : {}),
      };
      const made = await json(`${server}${APPLICATIONS}`, input, boss);
      if (made.status !== 200) throw new Error(`registering answered ${made.status}: ${made.text}`);
      const { id, client_id: clientId, client_secret: secret } = made.body as Record<string, string>;
      const party = await kind.start(place, {
        issuer: server,
        clientId: String(clientId),
        proof: proofOf(proof, String(secret)),
        pushes,
        binds,
        person: 'interop',
      });
      running.push(party);
      return { party, id: String(id) };
    },
    disable: async (id) => {
      const { status, text } = await json(`${server}${APPLICATIONS}/${id}/disable`, {}, boss);
      if (status !== 200) throw new Error(`disabling answered ${status}: ${text}`);
    },
    stop: async () => {
      await Promise.all(running.map((party) => party.stop()));
      if (process.env.INTEROP_LOG !== undefined)
        process.stderr.write([await installation.server.logged(), ...running.map((party) => party.log())].join('\n'));
      await installation.stop();
    },
  };
}

/** Whether a token is good, by introspection. */
export async function isActive(server: string, token: string): Promise<unknown> {
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  const body = new URLSearchParams({ token }).toString();
  return (await send('POST', `${server}/oauth2/introspect`, { body, headers })).body['active'];
}

/** The SDKs of the vault's endpoints, as the bytes that they send and the rules by which they read (D2). */
import { TestVault, type Caller } from '../../libs/connections/src/connections.spec-support.js';
import { sendRaw } from './raw-exchange.js';
import { readMielto, readMieltoRefresh, readMixHealth, readMixRefresh } from './vault-sdk-answers.js';
import * as requests from './vault-sdk-requests.js';

let vault: TestVault;
let port: number;
let boss: Caller;
let apiKey: string;

beforeAll(async () => {
  vault = await TestVault.open();
  port = vault.server.port;
  boss = await vault.person('boss');
  apiKey = await vault.apiKey(boss, ['read_connections', 'write_connections']);
});
afterAll(() => vault.close());

const MIX = [
  ['mix-typescript', requests.mixTypescriptRefresh, requests.mixTypescriptHealth],
  ['mix-go', requests.mixGoRefresh, requests.mixGoHealth],
] as const;

describe.each(MIX)('vault failure 21: %s', (_name, refresh, health) => {
  it('triggers a refresh', async () => {
    expect(readMixRefresh(await sendRaw(port, refresh({ port })))).toEqual({
      kind: 'ok',
      value: { message: 'Token refresh triggered successfully', status: 'success' },
    });
  });

  it('reads the health of every provider', async () => {
    await vault.imported(boss);
    const read = readMixHealth(await sendRaw(port, health({ port })));
    expect(read).toMatchObject({
      kind: 'ok',
      value: { providers: { up: { provider: 'up', status: 'active' }, shared: { status: 'not_found' } } },
    });
  });

  it('brings a bearer where one is given for the call, and gets an error that it can show', async () => {
    const read = readMixRefresh(
      await sendRaw(
        port,
        Buffer.from(
          refresh({ port })
            .toString()
            .replace(/127\.0\.0\.1/, 'id.example.com'),
        ),
      ),
    );
    expect(read).toEqual({ kind: 'untyped', status: 401, retried: false });
    const authorization = String((await vault.person('root')).headers['authorization']);
    const bytes = refresh({ port, bearer: authorization.replace('Bearer ', '') }).toString();
    const answer = await sendRaw(port, Buffer.from(bytes.replace(/127\.0\.0\.1/, 'id.example.com')));
    expect(readMixRefresh(answer)).toMatchObject({ kind: 'ok' });
  });
});

describe('vault failure 21: mielto-sdk', () => {
  it('refreshes a connection: a JSON content type and no body', async () => {
    const { id } = await vault.imported(boss);
    const answer = await sendRaw(port, requests.mieltoRefresh(id, { port, apiKey }));
    expect(readMieltoRefresh(answer)).toMatchObject({ status: 'success', connection_id: id });
    expect(answer.headers['content-type']).toBe('application/json');
    expect(readMielto(answer)).toMatchObject({ kind: 'ok' });
  });

  it('selects the workspace by name or id, and no other', async () => {
    const { id, answer } = await vault.imported(boss);
    for (const workspace of ['default', String(answer.body['workspace_id'])])
      expect(readMielto(await sendRaw(port, requests.mieltoRefresh(id, { port, apiKey, workspace })))).toMatchObject({
        kind: 'ok',
      });
    const other = await sendRaw(port, requests.mieltoRefresh(id, { port, apiKey, workspace: 'acme' }));
    expect(readMielto(other)).toMatchObject({ kind: 'error', name: 'NotFoundError' });
  });

  it('initiates a connection', async () => {
    const read = readMielto(
      await sendRaw(
        port,
        requests.mieltoInitiate({ integration_id: 'up', auth_method_id: 'oauth2', scopes: ['a'] }, { port, apiKey }),
      ),
    );
    expect(read).toMatchObject({
      kind: 'ok',
      data: {
        auth_url: expect.stringContaining('/connect/') as string,
        state: expect.any(String) as string,
        integration_id: 'up',
      },
    });
  });

  it('prints a text for every error', async () => {
    const { id, issued } = await vault.imported(boss);
    await vault.upstream.revoke(issued.family);
    const read = async (connection: string, key: string) => {
      const answer = await sendRaw(port, requests.mieltoRefresh(connection, { port, apiKey: key }));
      readMieltoRefresh(answer);
      return readMielto(answer);
    };
    expect(await read('conn_abc123', apiKey)).toMatchObject({ name: 'NotFoundError', message: 'Connection not found' });
    expect(await read(id, 'mk_wrong')).toMatchObject({
      name: 'AuthenticationError',
      message: expect.any(String) as string,
    });
    expect(await read(id, apiKey)).toMatchObject({
      name: 'MieltoError',
      status: 409,
      message: expect.stringContaining('revoked') as string,
    });
    const reader = await vault.apiKey(boss, ['read_connections']);
    expect(await read(id, reader)).toMatchObject({ name: 'PermissionError', message: expect.any(String) as string });
    const refused = await sendRaw(port, requests.mieltoInitiate({ integration_id: 7 }, { port, apiKey }));
    expect(readMielto(refused)).toMatchObject({ name: 'ValidationError' });
    expect(readMieltoRefresh(refused)).toMatchObject({ detail: [{ loc: ['body', 'integration_id'] }] });
  });
});

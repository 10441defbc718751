/** PlanetScale's SDKs, as the bytes that they send and the rules by which they read (D1, D2, D29). */
import {
  TestApplications,
  type Caller,
  type Registered,
} from '../../libs/oauth-applications/src/oauth-applications.spec-support.js';
import { send } from '../protocol/http.js';
import * as answers from './planetscale-sdk-answers.js';
import * as sdk from './planetscale-sdk-requests.js';
import { sendRaw, type RawAnswer } from './raw-exchange.js';

const ORGANIZATION = 'default';
const FLAT = ['/v1', ''] as const;
const COMPAT = '/compat/planetscale-go/v1';

let test: TestApplications;
let port: number;
let boss: Caller;
let application: Registered;
let serviceToken: string;

beforeAll(async () => {
  test = await TestApplications.open();
  port = test.server.port;
  boss = await test.person('boss');
  application = await test.application(boss);
  const accesses = [
    'read_oauth_applications',
    'read_oauth_tokens',
    'write_oauth_tokens',
    'delete_oauth_tokens',
  ] as const;
  serviceToken = (await test.serviceToken(boss, accesses)).authorization;
});
afterAll(() => test.close());

const at = (base: string, token = serviceToken): sdk.Target => ({ port, base, serviceToken: token });
const client = () => ({ client_id: application.clientId, client_secret: application.clientSecret });
const codeGrant = async (person: string): Promise<sdk.TokenFields> => ({
  ...client(),
  grant_type: 'authorization_code',
  code: await test.code(application, person, { scope: 'openid profile email' }),
  redirect_uri: application.redirectUri,
});
const refreshGrant = (refreshToken: string): sdk.TokenFields => ({
  ...client(),
  grant_type: 'refresh_token',
  refresh_token: refreshToken,
});
type ServiceToken = ReturnType<typeof answers.DocumentedServiceToken.parse>;

describe.each(Object.entries(sdk.GO_BUILDS))('D29 the Go SDK, build %s', (_name, build) => {
  const dataOf = (answer: RawAnswer): unknown => {
    const read = answers.readGo(answer);
    if (read.kind !== 'ok' || read.object === undefined) throw new Error(`${JSON.stringify(read)}: ${answer.body}`);
    expect(Object.keys(read.object)).toEqual(['data']);
    return read.object['data'];
  };
  const create = async (fields: sdk.TokenFields): Promise<ServiceToken> =>
    answers.DocumentedServiceToken.parse(
      dataOf(await sendRaw(port, sdk.goCreate(build, ORGANIZATION, application.id, fields, at(COMPAT)))),
    );

  it('creates and renews a token, and finds it in what it can decode', async () => {
    const created = await create(await codeGrant('gina'));
    const renewed = await create(refreshGrant(created.plain_text_refresh_token));
    expect(renewed.id).toBe(created.id);
    expect(renewed.token).not.toBe(created.token);
    const userinfo = await test.get('/oauth2/userinfo', { authorization: `Bearer ${renewed.token}` });
    expect([userinfo.status, userinfo.body['sub']]).toEqual([200, renewed.actor_id]);
  });

  it('reads applications, tokens and one of each', async () => {
    const created = await create(await codeGrant('hugo'));
    const list = answers
      .documentedPage(answers.DocumentedApplication)
      .parse(dataOf(await sendRaw(port, sdk.goList(build, ORGANIZATION, 1, 2, at(COMPAT)))));
    expect(list).toMatchObject({ current_page: 1, data: [{ id: application.id }] });
    const one = dataOf(await sendRaw(port, sdk.goGet(build, ORGANIZATION, application.id, at(COMPAT))));
    expect(answers.DocumentedApplication.parse(one)).toEqual(list.data[0]);
    const tokens = answers
      .documentedPage(answers.DocumentedServiceToken)
      .parse(dataOf(await sendRaw(port, sdk.goListTokens(build, ORGANIZATION, application.id, at(COMPAT)))));
    expect(tokens.data[0]).toEqual({ ...created, token: '', plain_text_refresh_token: '' });
    const token = dataOf(
      await sendRaw(port, sdk.goGetToken(build, ORGANIZATION, application.id, created.id, at(COMPAT))),
    );
    expect(token).toEqual(tokens.data[0]);
  });

  it('deletes a token: 204 and no byte of a body', async () => {
    const { id, token } = await create(await codeGrant('ines'));
    const answer = await sendRaw(port, sdk.goDeleteToken(build, ORGANIZATION, application.id, id, at(COMPAT)));
    expect([answer.status, answer.body, answer.headers['content-type']]).toEqual([204, '', undefined]);
    expect((await test.get('/oauth2/userinfo', { authorization: `Bearer ${token}` })).status).toBe(401);
  });

  it('cannot decode the documented shape, which is why there is the other', async () => {
    for (const base of FLAT) {
      const read = answers.readGo(
        await sendRaw(port, sdk.goCreate(build, ORGANIZATION, application.id, await codeGrant('jana'), at(base))),
      );
      expect(read.kind).toBe('error');
    }
  });

  it('gets a status for whatever it is refused, and no error', async () => {
    const status = async (bytes: Buffer) => {
      const answer = await sendRaw(port, bytes);
      expect(answers.readGo(answer)).toEqual({ kind: 'ok', status: answer.status, object: undefined });
      expect(answers.DocumentedError.safeParse(JSON.parse(answer.body)).error).toBeUndefined();
      expect(answer.headers['content-type']).toBe('application/json');
      return answer.status;
    };
    const grant = refreshGrant('gth_rt_none');
    const nobody = at(COMPAT, `st_${'A'.repeat(22)}:nobody`);
    expect(await status(sdk.goCreate(build, ORGANIZATION, application.id, grant, nobody))).toBe(401);
    expect(
      await status(sdk.goCreate(build, ORGANIZATION, application.id, { ...grant, client_secret: 'x' }, at(COMPAT))),
    ).toBe(403);
    expect(await status(sdk.goCreate(build, 'my org', 'app id', grant, at(COMPAT)))).toBe(404);
    expect(await status(sdk.goCreate(build, ORGANIZATION, 'app id', grant, at(COMPAT)))).toBe(404);
    expect(await status(sdk.goCreate(build, ORGANIZATION, application.id, grant, at(COMPAT)))).toBe(422);
  });

  it('sends for a nil body none, with a content type that says nothing: refused in the dialect, and no fault of ours', async () => {
    for (const base of [COMPAT, ...FLAT]) {
      const answer = await sendRaw(port, sdk.goCreateNil(build, ORGANIZATION, application.id, at(base)));
      expect(answer.status).toBe(422);
      expect(answers.DocumentedError.safeParse(JSON.parse(answer.body)).error).toBeUndefined();
    }
  });
});

describe.each(FLAT)('D29 the TypeScript SDK, with a server URL that ends in "%s"', (base) => {
  it.each(['as in TypeScript', 'as in the API'] as const)(
    'creates and renews a token, fields named %s',
    async (naming) => {
      const create = async (fields: sdk.TokenFields) => {
        const bytes = sdk.typescriptCreate(naming, ORGANIZATION, application.id, fields, at(base));
        const read = answers.readTypescript(await sendRaw(port, bytes));
        expect([read.kind, read.status]).toEqual(['ok', 200]);
        return answers.DocumentedServiceToken.parse(read.data);
      };
      const created = await create(await codeGrant('karl'));
      const renewed = await create(refreshGrant(created.plain_text_refresh_token));
      expect([renewed.id, renewed.actor_type]).toEqual([created.id, 'User']);
    },
  );

  it('reads an application and a page of tokens, and deletes one', async () => {
    const bytes = sdk.typescriptCreate(
      'as in the API',
      ORGANIZATION,
      application.id,
      await codeGrant('lars'),
      at(base),
    );
    const created = answers.DocumentedServiceToken.parse(answers.readTypescript(await sendRaw(port, bytes)).data);
    const one = answers.readTypescript(await sendRaw(port, sdk.typescriptGet(ORGANIZATION, application.id, at(base))));
    expect(answers.DocumentedApplication.parse(one.data)).toMatchObject({ id: application.id });
    const tokens = answers.readTypescript(
      await sendRaw(port, sdk.typescriptListTokens(ORGANIZATION, application.id, at(base))),
    );
    const page = answers.documentedPage(answers.DocumentedServiceToken).parse(tokens.data);
    expect(page.data[0]?.id).toBe(created.id);
    if (page.next_page !== 0)
      expect(page.next_page_url).toBe(
        `${test.server.config.publicUrl}${base}/organizations/default/oauth-applications/${application.id}/tokens?page=2&per_page=2`,
      );
    const deletion = await sendRaw(port, sdk.typescriptDeleteToken(ORGANIZATION, application.id, created.id, at(base)));
    expect(answers.readTypescript(deletion)).toEqual({ kind: 'ok', status: 204, data: undefined });
  });

  it('rejects with the code and the message of the official clients', async () => {
    const bytes = sdk.typescriptCreate('as in the API', ORGANIZATION, 'app_x', refreshGrant('x'), at(base));
    const read = answers.readTypescript(await sendRaw(port, bytes));
    expect([read.kind, read.status, answers.DocumentedError.parse(read.data).code]).toEqual([
      'AxiosError',
      404,
      'not_found',
    ]);
  });
});

describe.each([...FLAT, COMPAT])('S003 every status under "%s"', (base) => {
  const target = `${base}/organizations/default/oauth-applications`;
  const token = (body: unknown, headers: Record<string, string> = { authorization: serviceToken }) =>
    test.post(`${target}/${application.id}/token`, body, headers);

  it('200 403 404 422 as JSON without a charset, and never kept', async () => {
    const reader = await test.serviceToken(boss, ['read_oauth_tokens']);
    const outcomes = [
      await token(await codeGrant('maja')),
      await token(refreshGrant('x'), reader),
      await test.post(`${target}/app_x/token`, refreshGrant('x'), { authorization: serviceToken }),
      await token(refreshGrant('x')),
      await token({ ...refreshGrant('x'), clientId: 'another' }),
    ];
    expect(outcomes.map(({ status }) => status)).toEqual([200, 403, 404, 422, 422]);
    for (const { status, headers, body } of outcomes) {
      expect([headers['content-type'], headers['cache-control'], headers.pragma]).toEqual([
        'application/json',
        'no-store',
        'no-cache',
      ]);
      if (status !== 200) expect(answers.DocumentedError.parse(body)).toEqual(body);
    }
  });

  it('422 for a request without a body and without a content type', async () => {
    const answer = await send('POST', test.url(`${target}/${application.id}/token`), {
      headers: { authorization: serviceToken },
    });
    expect([answer.status, answer.body]).toEqual([
      422,
      { code: 'unprocessable_entity', message: 'client_id is required' },
    ]);
  });

  it('R31: 500 is neutral, and names the request alone', async () => {
    await test.database.query('ALTER TABLE application_secrets RENAME TO application_secrets_away');
    try {
      // So that what is remembered of it does not count, and Postgres is asked.
      await test.patch(
        `/api/v1/organizations/default/applications/${application.id}`,
        { name: `Wiki ${base}` },
        boss.headers,
      );
      const { status, body, headers } = await token(refreshGrant('x'));
      expect([status, body]).toEqual([
        500,
        { code: 'internal_server_error', message: expect.stringContaining(String(headers['x-request-id'])) as string },
      ]);
      expect(JSON.stringify(body)).not.toMatch(/secrets|relation|SELECT/i);
    } finally {
      await test.database.query('ALTER TABLE application_secrets_away RENAME TO application_secrets');
    }
  });
});

import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { EdgeModule, registerEdge } from '@app/edge';
import { SamlDeployment, samlProvider } from '../saml.spec-support.js';
import { SamlModule } from '../saml.module.js';
import { SamlKeyRotation } from './saml-key-rotation.js';

let deployment: SamlDeployment;
let app: NestFastifyApplication;

const providers = [
  samlProvider({ id: 'acme', metadata: { kind: 'file', path: '/nonexistent/idp.xml' } }),
  samlProvider({
    id: 'other',
    name: 'Other',
    icon: 'fa-key',
    entityId: 'urn:ours',
    metadata: { kind: 'xml', xml: '<x/>' },
  }),
  samlProvider({ id: 'off', enabled: false, metadata: { kind: 'xml', xml: '<x/>' } }),
];

beforeAll(async () => {
  deployment = await SamlDeployment.open();
  const adapter = new FastifyAdapter();
  registerEdge(adapter.getInstance(), deployment.config({ providers }));
  const module = await deployment.compose({ providers }, [EdgeModule, SamlModule]).compile();
  app = module.createNestApplication<NestFastifyApplication>(adapter, { bodyParser: false, logger: false });
  await app.listen(0, '127.0.0.1');
});
afterAll(async () => {
  await app.close();
  await deployment.close();
});

async function ask(path: string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${(await app.getUrl()).replace('[::1]', '127.0.0.1')}${path}`, { headers });
}

describe('GET /saml/providers', () => {
  it('lists the enabled providers in the shape of the seed', async () => {
    const answer = await ask('/saml/providers');
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toBe('application/json');
    expect(await answer.json()).toEqual({
      providers: [
        {
          id: 'acme',
          name: 'Acme',
          icon: 'acme',
          auth_url: 'https://login.test/saml/acme/login',
          metadata_url: 'https://login.test/saml/acme/metadata',
          entity_id: 'https://login.test/saml/acme/metadata',
          acs_url: 'https://login.test/saml/acs',
          slo_url: 'https://login.test/saml/slo',
        },
        expect.objectContaining({ id: 'other', icon: 'fa-key', entity_id: 'urn:ours' }),
      ],
    });
  });
});

describe('GET /saml/{provider}/metadata', () => {
  it('answers while the IdP’s own metadata is missing, as SAML metadata and not as text', async () => {
    const answer = await ask('/saml/acme/metadata');
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toBe('application/samlmetadata+xml');
    expect(answer.headers.get('cache-control')).toBe('public, max-age=300');
    expect(await answer.text()).toContain('entityID="https://login.test/saml/acme/metadata"');
  });

  it('is 304 for who has it, and new after a rotation', async () => {
    const etag = (await ask('/saml/other/metadata')).headers.get('etag') ?? '';
    const again = await ask('/saml/other/metadata', { 'if-none-match': etag });
    expect(again.status).toBe(304);
    expect(await again.text()).toBe('');
    await app.get(SamlKeyRotation, { strict: false }).rotateNow(deployment.now, 'successor');
    const rotated = await ask('/saml/other/metadata', { 'if-none-match': etag });
    expect(rotated.status).toBe(200);
    expect((await rotated.text()).match(/use="signing"/g)).toHaveLength(2);
  });

  it.each(['unknown', 'off', 'ACME', '__proto__'])('is 404 for %s', async (id) => {
    const answer = await ask(`/saml/${id}/metadata`);
    expect(answer.status).toBe(404);
    expect(await answer.json()).toMatchObject({ error: 'not_found' });
  });
});

import fastify, { type FastifyInstance } from 'fastify';
import fc from 'fast-check';
import { formOf } from '../../../test/harness/saml-login.js';
import { sendAutoPost, type AutoPost } from './auto-post.js';

let form: AutoPost;
let server: FastifyInstance;
beforeAll(() => {
  server = fastify();
  server.get('/', async (_request, reply) => sendAutoPost(reply, form));
});
afterAll(() => server.close());

async function page(changes: Partial<AutoPost>) {
  form = { title: 'Going on', destination: 'https://idp.example/sso', fields: {}, ...changes };
  const { body, headers } = await server.inject('/');
  return { body, policy: String(headers['content-security-policy']) };
}

describe('SAML bindings §3.5.4', () => {
  it('carries every value as it is, and nothing out of its place', async () => {
    // A form cannot hold control characters unharmed; ours are base64.
    const text = fc.string({ unit: 'grapheme' }).filter((value) => !/\p{Cc}/u.test(value));
    await fc.assert(
      fc.asyncProperty(text, text, async (relayState, title) => {
        const fields = { SAMLRequest: 'PHg+', RelayState: relayState };
        const { body } = await page({ title, fields });
        expect(formOf(body)).toEqual({ action: 'https://idp.example/sso', fields });
        expect(body.match(/<(script|form|noscript|button)\b/g)).toEqual(['<form', '<noscript', '<button', '<script']);
      }),
    );
  });
});

describe('D38 form-action', () => {
  it.each([
    ['https://idp.example/sso?tenant=1', 'https://idp.example/sso'],
    ['https://idp.example:8443/a/b', 'https://idp.example:8443/a/b'],
    ['https://idp.example', 'https://idp.example/'],
    ["https://idp.example/a;script-src 'unsafe-inline'", "https://idp.example/a%3Bscript-src%20'unsafe-inline'"],
    ['https://idp.example/a,b', 'https://idp.example/a%2Cb'],
  ])('is exactly the destination: %s', async (destination, source) => {
    const { policy, body } = await page({ destination });
    expect(policy.split('; ')).toContain(`form-action ${source}`);
    expect(formOf(body).action).toBe(destination);
  });

  it('leaves a page without script without any', async () => {
    const { policy } = await page({});
    expect(policy).toMatch(/script-src 'sha256-[\w+/]{43}=';/);
    expect(policy).not.toMatch(/unsafe|\*/);
  });
});

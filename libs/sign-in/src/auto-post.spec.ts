import { createHash } from 'node:crypto';
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

describe('D38 the policy of an auto-post page', () => {
  it.each(['https://idp.example/sso?tenant=1', 'https://idp.example:8443/a/b', "https://idp.example/a;b,c 'x'"])(
    'holds nothing of the destination, nor any form-action: %s',
    async (destination) => {
      const { policy, body } = await page({ destination });
      expect(policy.replace(/'sha256-[\w+/]{43}='/, 'HASH')).toBe(
        "default-src 'none'; style-src 'self'; script-src HASH; base-uri 'none'; frame-ancestors 'none'",
      );
      expect(formOf(body).action).toBe(destination);
    },
  );

  it('allows one script, by its hash', async () => {
    const { policy, body } = await page({});
    const scripts = [...body.matchAll(/<script>(.*?)<\/script>/gs)].map(([, code = '']) => code);
    const hashes = scripts.map((code) => `'sha256-${createHash('sha256').update(code).digest('base64')}'`);
    expect(hashes).toEqual([/script-src ([^;]*);/.exec(policy)?.[1]]);
    expect(policy).not.toMatch(/unsafe|\*/);
  });

  it.each(['javascript:alert(1)', 'data:text/html,x', '/sso'])('is no page for %s', async (destination) => {
    form = { title: 'Going on', destination, fields: {} };
    expect((await server.inject('/')).statusCode).toBe(500);
  });
});

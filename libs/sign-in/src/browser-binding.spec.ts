import { createHash } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { BrowserBinding } from './browser-binding.js';

const request = (cookie?: string) => ({ headers: cookie === undefined ? {} : { cookie } }) as FastifyRequest;

class Reply {
  cookie: string | undefined;
  header(name: string, value: string): this {
    if (name === 'Set-Cookie') this.cookie = value;
    return this;
  }
}

/** Binds a browser that comes with `cookie`; answers the hash and the cookie it was given. */
function bind(binding: BrowserBinding, cookie?: string) {
  const reply = new Reply();
  const hash = binding.bind(request(cookie), reply as unknown as FastifyReply);
  return { hash, given: reply.cookie, pair: reply.cookie?.split(';')[0] ?? cookie };
}

describe.each([
  ['https://gatehouse.example', '__Host-gatehouse-browser'],
  ['http://localhost:3000', 'gatehouse-browser'],
])('D10 R19 R20 a browser of %s', (publicUrl, name) => {
  const binding = new BrowserBinding(publicUrl);

  it('gets an id of 256 random bits in a cookie that scripts and other sites cannot use', () => {
    const { given = '' } = bind(binding);
    expect(given).toMatch(new RegExp(`^${name}=[A-Za-z0-9_-]{43};`));
    const attributes = given.split('; ').slice(1);
    const secure = publicUrl.startsWith('https:') ? ['Secure'] : [];
    expect(new Set(attributes)).toEqual(new Set(['Path=/', 'HttpOnly', 'SameSite=Lax', ...secure]));
    expect(bind(binding).given).not.toBe(given);
  });

  it('is one browser within one request, however often it is bound', () => {
    const [fresh, reply] = [request(), new Reply()];
    const first = binding.bind(fresh, reply as unknown as FastifyReply);
    const cookie = reply.cookie;
    expect(new BrowserBinding(publicUrl).bind(fresh, reply as unknown as FastifyReply)).toBe(first);
    expect(reply.cookie).toBe(cookie);
  });

  it('is known again, and keeps its id over several logins', () => {
    const { hash, pair } = bind(binding);
    expect(binding.matches(request(pair), hash)).toBe(true);
    expect(binding.matches(request(`theme=dark; ${pair}; other=1`), hash)).toBe(true);
    const again = bind(binding, pair);
    expect(again.given).toBeUndefined();
    expect(again.hash).toBe(hash);
  });

  it('is stored as a hash that is no cookie', () => {
    const { hash, pair = '' } = bind(binding);
    const id = pair.slice(name.length + 1);
    expect(hash).toBe(createHash('sha256').update(id).digest('base64url'));
    expect(binding.matches(request(`${name}=${hash}`), hash)).toBe(false);
  });

  it('is not another, nor one without the cookie, nor one where the cookie was planted beside', () => {
    const { hash, pair = '' } = bind(binding);
    const other = bind(binding).pair ?? '';
    for (const cookie of [undefined, '', other, `${pair}; ${other}`, `${other}; ${pair}`, `${pair}; ${pair}`])
      expect(binding.matches(request(cookie), hash)).toBe(false);
    for (const cookie of [`x${pair}`, `${pair}x`, pair.slice(0, -1), `${name}=`, name, pair.toUpperCase()])
      expect(binding.matches(request(cookie), hash)).toBe(false);
    expect(binding.matches(request(pair), '')).toBe(false);
  });

  it('gets a new id in place of one that is not of our making', () => {
    for (const planted of [`${name}=short`, `${name}=${'x'.repeat(44)}`, `${name}="${'x'.repeat(43)}"`]) {
      const { given, hash, pair } = bind(binding, planted);
      expect(given).toBeDefined();
      expect(binding.matches(request(pair), hash)).toBe(true);
      expect(binding.matches(request(planted), hash)).toBe(false);
    }
  });
});

describe('D10 over https', () => {
  it('does not take the plain name, which a sister host could plant', () => {
    const plain = bind(new BrowserBinding('http://localhost')).pair ?? '';
    const binding = new BrowserBinding('https://gatehouse.example');
    const { hash } = bind(binding, plain);
    expect(binding.matches(request(plain), hash)).toBe(false);
  });
});

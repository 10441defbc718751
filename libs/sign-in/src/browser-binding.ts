import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';

const ID = /^[A-Za-z0-9_-]{43}$/;

/** Ids on their way to a browser: whoever binds the same request again means the same browser. */
const given = new WeakMap<FastifyRequest, string>();

/**
 * The cookie that binds a login to the browser that began it (D10, R19, R20). `__Host-` needs https; on plain-http
 * loopback, where the prefix cannot be, the name goes without.
 */
export class BrowserBinding {
  private readonly name: string;
  private readonly attributes: string;

  constructor(publicUrl: string) {
    const secure = publicUrl.startsWith('https:');
    this.name = secure ? '__Host-gatehouse-browser' : 'gatehouse-browser';
    this.attributes = `; Path=/; HttpOnly; SameSite=Lax${secure ? '; Secure' : ''}`;
  }

  /** The hash to store with a login; gives the browser an id when it has none. */
  bind(request: FastifyRequest, reply: FastifyReply): string {
    const known = this.read(request) ?? given.get(request);
    if (known !== undefined) return hashOf(known);
    const id = randomBytes(32).toString('base64url');
    given.set(request, id);
    void reply.header('Set-Cookie', `${this.name}=${id}${this.attributes}`);
    return hashOf(id);
  }

  /** Says whether this is the browser whose hash was stored. */
  matches(request: FastifyRequest, storedHash: string): boolean {
    const id = this.read(request);
    if (id === undefined) return false;
    const presented = Buffer.from(hashOf(id));
    const stored = Buffer.from(storedHash);
    return presented.length === stored.length && timingSafeEqual(presented, stored);
  }

  /** Two cookies of the name: somebody planted one, so neither counts. */
  private read(request: FastifyRequest): string | undefined {
    const values = (request.headers.cookie ?? '')
      .split(';')
      .map((pair) => pair.trim())
      .filter((pair) => pair.startsWith(`${this.name}=`))
      .map((pair) => pair.slice(this.name.length + 1));
    const [value] = values;
    return values.length === 1 && value !== undefined && ID.test(value) ? value : undefined;
  }
}

function hashOf(id: string): string {
  return createHash('sha256').update(id).digest('base64url');
}

import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { cookieOf, cookieText } from './cookies.js';

const ID = /^[A-Za-z0-9_-]{43}$/;

/** Ids on their way to a browser: whoever binds the same request again means the same browser. */
const given = new WeakMap<FastifyRequest, string>();

/**
 * The cookie that binds a login to the browser that began it (D10, R19, R20). `__Host-` needs https; on plain-http
 * loopback, where the prefix cannot be, the name goes without.
 */
export class BrowserBinding {
  private readonly name: string;
  private readonly secure: boolean;

  constructor(publicUrl: string) {
    this.secure = publicUrl.startsWith('https:');
    this.name = this.secure ? '__Host-gatehouse-browser' : 'gatehouse-browser';
  }

  /** The hash to store with a login; gives the browser an id when it has none. */
  bind(request: FastifyRequest, reply: FastifyReply): string {
    const known = this.read(request) ?? given.get(request);
    if (known !== undefined) return hashOf(known);
    const id = randomBytes(32).toString('base64url');
    given.set(request, id);
    void reply.header('Set-Cookie', cookieText(this.name, id, this.secure));
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

  private read(request: FastifyRequest): string | undefined {
    const value = cookieOf(request, this.name);
    return value !== undefined && ID.test(value) ? value : undefined;
  }
}

function hashOf(id: string): string {
  return createHash('sha256').update(id).digest('base64url');
}

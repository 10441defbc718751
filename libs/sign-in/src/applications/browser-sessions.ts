import { Inject, Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { GATEHOUSE_CONFIG, type GatehouseConfig } from '@app/config';
import { requestContext } from '@app/edge';
import { hashOpaqueToken, isOpaqueToken, mintOpaqueToken } from '@app/oauth2';
import { Sessions, type SessionFacts } from '@app/tokens';
import { cookieOf, cookieText } from '../cookies.js';

/**
 * The person's session at this server, which every application's session comes out of (D32): a session row of our own,
 * found by one cookie of 256 random bits whose hash the row keeps.
 */
@Injectable()
export class BrowserSessions {
  private readonly secure: boolean;
  private readonly name: string;
  private readonly lifetimeSeconds: number;

  constructor(
    private readonly sessions: Sessions,
    @Inject(GATEHOUSE_CONFIG) config: GatehouseConfig,
  ) {
    this.secure = config.publicUrl.startsWith('https:');
    this.name = `${this.secure ? '__Host-' : ''}gatehouse-session`;
    this.lifetimeSeconds = config.lifetimes.browserSessionSeconds;
  }

  /** The session of this browser while it is alive (R23). */
  async find(request: FastifyRequest): Promise<SessionFacts | undefined> {
    const cookieHash = this.cookieHash(request);
    if (cookieHash === undefined) return undefined;
    return this.sessions.findByCookie(cookieHash, this.lifetimeSeconds);
  }

  /** What its session is found by; undefined where there is no cookie that could be of one. */
  cookieHash(request: FastifyRequest): Buffer | undefined {
    const cookie = this.read(request);
    return cookie === undefined ? undefined : hashOpaqueToken(cookie);
  }

  /**
   * Gives this browser the session, under a cookie that nobody had before (no fixation). The session that it had ends; its
   * applications go over to the new one where it is the same person's, and end with it where it is another's.
   */
  async replace(sessionId: string, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const cookie = mintOpaqueToken('bs');
    const formerHash = this.cookieHash(request);
    await this.sessions.bindToBrowser(sessionId, hashOpaqueToken(cookie), formerHash, requestContext(request));
    void reply.header('Set-Cookie', cookieText(this.name, cookie, this.secure));
  }

  /** Takes the cookie away; the session itself is ended elsewhere. */
  forget(reply: FastifyReply): void {
    void reply.header('Set-Cookie', `${cookieText(this.name, '', this.secure)}; Max-Age=0`);
  }

  private read(request: FastifyRequest): string | undefined {
    const value = cookieOf(request, this.name);
    return value !== undefined && isOpaqueToken(value, 'bs') ? value : undefined;
  }
}

import { Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';

/** Ends what another room began at a provider. Refusals that it throws are answered here, to whoever asked. */
export interface CallbackHandler {
  /** @param own the provider named by the address, for those with a callback of their own (D35) */
  complete(own: string | undefined, request: FastifyRequest, reply: FastifyReply): Promise<void>;
}

/**
 * Other rooms whose browsers come back to /oauth2/callback too (D35): who registered the beginning of a `state` gets the
 * callbacks of such states. A login's own state is base64url, so a prefix with another character takes none of them.
 */
@Injectable()
export class CallbackHandlers {
  private readonly handlers = new Map<string, CallbackHandler>();

  /** @throws Error for a prefix that a login's state could have, or that is taken */
  register(prefix: string, handler: CallbackHandler): void {
    if (/^[\w-]*$/.test(prefix)) throw new Error(`"${prefix}" could begin the state of a login`);
    if (this.handlers.has(prefix)) throw new Error(`"${prefix}" is taken`);
    this.handlers.set(prefix, handler);
  }

  find(state: string): CallbackHandler | undefined {
    for (const [prefix, handler] of this.handlers) if (state.startsWith(prefix)) return handler;
    return undefined;
  }
}

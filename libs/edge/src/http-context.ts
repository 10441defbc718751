import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { isIP } from 'node:net';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { OAuthError } from '@app/oauth2';
import type { Principal } from './principal.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** Who calls, set by the bearer guard; undefined on public routes. */
    principal?: Principal;
  }
}

/** What the audit trail and the logs say about where a call came from. */
export interface RequestContext {
  readonly requestId: string;
  readonly remoteAddress: string;
}

/** Fastify's way to ask whether a hop is believed: its address, and its distance from us (0: the peer). */
type Trust = (address: string, distance: number) => boolean;

/**
 * Whose X-Forwarded-For Fastify believes, in its own terms: nobody's, a list of networks, or that of a number of hops,
 * so that a caller cannot choose the address that limits and lockouts count (D44). Hops are only as good as the
 * firewall that lets nobody but the proxy connect; Fastify itself no longer takes a number for that reason.
 */
export function trustProxyOption(trustProxy: number | readonly string[] | undefined): Trust | string[] | false {
  if (trustProxy === undefined || trustProxy === 0) return false;
  if (typeof trustProxy === 'number') return (_address, distance) => distance < trustProxy;
  return [...trustProxy];
}

const V4_IN_V6 = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;
const V4_WITH_PORT = /^(\d+\.\d+\.\d+\.\d+):\d+$/;
const V6_WITH_PORT = /^\[([0-9a-f:.]+)\](?::\d+)?$/i;

function readAddress(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const bare = V4_WITH_PORT.exec(text)?.[1] ?? V6_WITH_PORT.exec(text)?.[1] ?? text;
  if (isIP(bare) === 0) return undefined;
  return V4_IN_V6.exec(bare)?.[1] ?? bare;
}

/**
 * The caller's IP address: the peer's, or what a trusted proxy says it is (`TRUST_PROXY`). Something that is not an
 * address is never believed. `unknown` only when the connection is already gone.
 */
export function remoteAddress(request: FastifyRequest): string {
  return readAddress(request.ip) ?? readAddress(request.socket?.remoteAddress) ?? 'unknown';
}

/** The id that logs, audit events and a neutral 500 share, with the caller's address. */
export function requestContext(request: FastifyRequest): RequestContext {
  return { requestId: request.id, remoteAddress: remoteAddress(request) };
}

/** For every answer that holds a token (D5, RFC 6749 §5.1). */
export function noStore(reply: FastifyReply): void {
  void reply.header('Cache-Control', 'no-store').header('Pragma', 'no-cache');
}

/**
 * The verified caller. Throws 401 when the guard put none there, so a handler that asks for one on a public route
 * fails closed.
 */
export function principalOf(request: FastifyRequest): Principal {
  if (request.principal === undefined) throw new OAuthError('unauthorized', 'Authentication required');
  return request.principal;
}

/** Handler parameter: the verified caller, see {@link principalOf}. */
export const CurrentPrincipal = createParamDecorator((_data: unknown, context: ExecutionContext) =>
  principalOf(context.switchToHttp().getRequest<FastifyRequest>()),
);

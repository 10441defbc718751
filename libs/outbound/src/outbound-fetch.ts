import { Agent, request } from 'undici';
import { guardedConnector, MAX_HEADER_BYTES, resolveByDns, type ResolveHost } from './guarded-dial.js';
import { findOutboundError, networkReason, OutboundError } from './outbound-error.js';
import { isLoopbackHost } from './public-address.js';

/** Milliseconds and bytes for one whole request, and whether hosts inside our own network may be reached. */
export interface OutboundLimits {
  readonly allowPrivate: boolean;
  readonly timeoutMs: number;
  readonly maxBytes: number;
}

/** The part of `RequestInit` that is spoken here; what openid-client hands to its `customFetch`. */
export interface OutboundRequest {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: ArrayBuffer | ReadableStream | string | Uint8Array | URLSearchParams | null | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Whether a URL may be called at all: https, or http to this very machine where private hosts are allowed (R26).
 */
export function isPermittedUrl(url: URL, allowPrivate: boolean): boolean {
  if (url.username !== '' || url.password !== '') return false;
  return url.protocol === 'https:' || (url.protocol === 'http:' && allowPrivate && isLoopbackHost(url.hostname));
}

/**
 * The one way out of the house (R26). Each dial resolves the name once, refuses it when any address is not public, and
 * connects to exactly the addresses it checked, so a second DNS answer never counts. Redirects, compressed bodies and
 * cookies are not spoken; size and total time are capped. Proxy environment variables are ignored.
 */
export class OutboundFetch {
  readonly #agent: Agent;

  constructor(
    readonly limits: OutboundLimits,
    resolve: ResolveHost = resolveByDns,
  ) {
    this.#agent = new Agent({
      connect: guardedConnector(limits, limits.timeoutMs, resolve),
      maxHeaderSize: MAX_HEADER_BYTES,
    });
  }

  /**
   * Like the global `fetch`, with the whole answer read before it resolves. Safe to pass around unbound.
   * @throws OutboundError for whatever keeps an acceptable answer from arriving; an HTTP error status is an answer.
   */
  readonly fetch = async (target: string | URL, init: OutboundRequest = {}): Promise<Response> => {
    const url = new URL(target);
    const method = init.method ?? 'GET';
    const what = `${method} ${url.origin}${url.pathname}`;
    if (!isPermittedUrl(url, this.limits.allowPrivate)) {
      throw new OutboundError(
        'scheme_refused',
        `${what}: only https is called, and http on a loopback host where outbound.allow_private is on`,
      );
    }
    const deadline = AbortSignal.timeout(this.limits.timeoutMs);
    try {
      return await this.#exchange(url, method, what, init, deadline);
    } catch (error) {
      const known = findOutboundError(error);
      if (known) throw known;
      if (deadline.aborted) {
        throw new OutboundError('timeout', `${what}: no complete answer within ${this.limits.timeoutMs} ms`);
      }
      throw new OutboundError('network', `${what}: ${networkReason(error)}`, { cause: error });
    }
  };

  /** Closes idle connections and waits for requests under way. */
  async close(): Promise<void> {
    await this.#agent.close();
  }

  /** Nest's hook; see {@link close}. */
  onModuleDestroy(): Promise<void> {
    return this.close();
  }

  async #exchange(
    url: URL,
    method: string,
    what: string,
    init: OutboundRequest,
    deadline: AbortSignal,
  ): Promise<Response> {
    const { statusCode, headers, body } = await request(url, {
      dispatcher: this.#agent,
      method: method as 'GET',
      headers: { 'user-agent': 'gatehouse', ...lowerCased(init.headers), 'accept-encoding': 'identity' },
      body: wireBody(init.body),
      signal: init.signal ? AbortSignal.any([init.signal, deadline]) : deadline,
    });
    try {
      if (statusCode >= 300 && statusCode < 400) {
        throw new OutboundError('redirect_refused', `${what}: redirects are not followed (status ${statusCode})`);
      }
      // A compressed body could unfold far beyond the cap; we asked for none, so one is a fault of the server.
      if ((headers['content-encoding'] ?? 'identity') !== 'identity') {
        throw new OutboundError('encoding_refused', `${what}: the answer is compressed though identity was asked for`);
      }
      const bytes = await this.#readCapped(body, what);
      const empty = statusCode === 204 || statusCode === 205;
      return new Response(empty ? null : bytes, { status: statusCode, headers: answerHeaders(headers) });
    } catch (error) {
      body.on('error', () => undefined).destroy();
      throw error;
    }
  }

  async #readCapped(body: AsyncIterable<unknown>, what: string): Promise<Uint8Array<ArrayBuffer>> {
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of body) {
      const bytes = chunk as Buffer;
      size += bytes.length;
      if (size > this.limits.maxBytes) {
        throw new OutboundError('too_large', `${what}: the answer is larger than ${this.limits.maxBytes} bytes`);
      }
      chunks.push(bytes);
    }
    return new Uint8Array(Buffer.concat(chunks, size));
  }
}

function wireBody(body: OutboundRequest['body']): string | Uint8Array | null {
  if (body === undefined || body === null) return null;
  if (typeof body === 'string' || body instanceof Uint8Array) return body;
  if (body instanceof URLSearchParams) return body.toString();
  if (body instanceof ArrayBuffer) return new Uint8Array(body);
  throw new TypeError('a streaming request body is not supported');
}

function lowerCased(headers: OutboundRequest['headers']): Record<string, string> {
  return Object.fromEntries(Object.entries(headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]));
}

function answerHeaders(headers: Readonly<Record<string, string | string[] | undefined>>): Headers {
  const kept = new Headers();
  for (const [name, value] of Object.entries(headers)) {
    if (name === 'set-cookie') continue;
    for (const one of [value ?? []].flat()) kept.append(name, one);
  }
  return kept;
}

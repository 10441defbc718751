import type { IncomingHttpHeaders } from 'node:http';
import { Agent, type Dispatcher } from 'undici';
import { guardedConnector, MAX_HEADER_BYTES, resolveByDns, type ResolveHost } from './guarded-dial.js';
import { findOutboundError, networkReason, OutboundError } from './outbound-error.js';
import { isPermittedUrl, type OutboundLimits } from './outbound-fetch.js';

/** {@link OutboundLimits}, and milliseconds for finding the peer: DNS, TCP and TLS. */
export interface CallLimits extends OutboundLimits {
  readonly connectTimeoutMs: number;
}

/** A call made ready once and sent many times, each time with another body. */
export interface OutboundCall {
  readonly origin: string;
  readonly path: string;
  readonly method: string;
  /** Name, value, name, value: as the wire wants them. */
  readonly headers: readonly string[];
  /** For messages: method, origin and path, never a query. */
  readonly what: string;
}

/** A whole answer; `body` as UTF-8. An HTTP error status is an answer. */
export interface OutboundAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface SendOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called once, right before the first byte is handed to a connected socket; from then on the peer may have it. */
  readonly onWritten?: (() => void) | undefined;
}

/**
 * A socket that has been idle longer may be closed by the peer just as we write to it, and then nobody can tell whether
 * the request was read. Dialling again is cheaper than that doubt.
 */
const IDLE_SOCKET_MS = 1_000;

/**
 * The guarded way out (R26) for requests that must not be repeated lightly: a failure says whether the request had been
 * written. Nothing is ever sent twice by itself. Guards, redirects, compression and caps as in OutboundFetch; HTTP/1.1
 * alone, where one socket carries one request.
 */
export class OutboundCalls {
  readonly #agent: Agent;

  constructor(
    readonly limits: CallLimits,
    resolve: ResolveHost = resolveByDns,
  ) {
    this.#agent = new Agent({
      connect: guardedConnector(limits, limits.connectTimeoutMs, resolve),
      maxHeaderSize: MAX_HEADER_BYTES,
      keepAliveTimeout: IDLE_SOCKET_MS,
      keepAliveMaxTimeout: IDLE_SOCKET_MS,
      pipelining: 1,
      allowH2: false,
      // The one deadline of a call is ours.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
  }

  /**
   * Makes a call ready. `headers` in lower case.
   * @throws OutboundError `scheme_refused`
   */
  prepare(method: string, target: string | URL, headers: Readonly<Record<string, string>>): OutboundCall {
    const url = new URL(target);
    const what = `${method} ${url.origin}${url.pathname}`;
    if (!isPermittedUrl(url, this.limits.allowPrivate)) {
      throw new OutboundError(
        'scheme_refused',
        `${what}: only https is called, and http on a loopback host where outbound.allow_private is on`,
        { written: 'no' },
      );
    }
    const all = { 'user-agent': 'gatehouse', ...headers, 'accept-encoding': 'identity' };
    return { origin: url.origin, path: url.pathname + url.search, method, headers: Object.entries(all).flat(), what };
  }

  /**
   * Sends, and reads the whole answer.
   * @throws OutboundError alone, with `written` set, for whatever keeps an acceptable answer from arriving; an abort by
   *   the caller is `network`
   */
  send(call: OutboundCall, body: string | null, options: SendOptions = {}): Promise<OutboundAnswer> {
    return new Promise((resolve, reject) => {
      const exchange = new Exchange(call, this.limits, options, resolve, reject);
      if (exchange.settled) return;
      const { origin, path, method } = call;
      // undici keeps the array but does not write to it.
      const headers = call.headers as string[];
      try {
        this.#agent.dispatch({ origin, path, method, headers, body }, exchange);
      } catch (error) {
        exchange.onResponseError(undefined, error as Error);
      }
    });
  }

  /** Closes idle connections and waits for calls under way. */
  async close(): Promise<void> {
    await this.#agent.close();
  }

  /** Nest's hook; see {@link close}. */
  onModuleDestroy(): Promise<void> {
    return this.close();
  }
}

/** One call under way. Settles once; what undici says later is not heard. */
class Exchange implements Dispatcher.DispatchHandler {
  settled = false;
  #written: 'no' | 'yes' = 'no';
  #controller: Dispatcher.DispatchController | undefined;
  #status = 0;
  #headers: IncomingHttpHeaders = {};
  #chunks: Buffer[] = [];
  #size = 0;
  readonly #timer: NodeJS.Timeout;

  constructor(
    private readonly call: OutboundCall,
    private readonly limits: CallLimits,
    private readonly options: SendOptions,
    private readonly resolve: (answer: OutboundAnswer) => void,
    private readonly reject: (error: OutboundError) => void,
  ) {
    this.#timer = setTimeout(this.#onDeadline, limits.timeoutMs);
    if (options.signal?.aborted) this.#onAbort();
    else options.signal?.addEventListener('abort', this.#onAbort);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    // Given up while the socket was being dialled: undici writes nothing for a request aborted here.
    if (this.settled) {
      controller.abort(new Error('given up before the request was written'));
      return;
    }
    this.#controller = controller;
    this.#written = 'yes';
    this.options.onWritten?.();
  }

  onResponseStart(_: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    if (status < 200) return;
    this.#status = status;
    this.#headers = headers;
    if (status >= 300 && status < 400) {
      this.#fail('redirect_refused', `redirects are not followed (status ${status})`);
    } else if ((headers['content-encoding'] ?? 'identity') !== 'identity') {
      this.#fail('encoding_refused', 'the answer is compressed though identity was asked for');
    }
  }

  onResponseData(_: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#size += chunk.length;
    if (this.#size > this.limits.maxBytes) {
      this.#fail('too_large', `the answer is larger than ${this.limits.maxBytes} bytes`);
    } else {
      this.#chunks.push(chunk);
    }
  }

  onResponseEnd(): void {
    if (!this.#settle()) return;
    const [first] = this.#chunks;
    const whole = this.#chunks.length === 1 && first ? first : Buffer.concat(this.#chunks, this.#size);
    this.resolve({ status: this.#status, headers: this.#headers, body: whole.toString('utf8') });
  }

  onResponseError(_: unknown, error: Error): void {
    const known = findOutboundError(error);
    this.#fail(known?.fault ?? 'network', known?.message ?? networkReason(error), error);
  }

  readonly #onDeadline = (): void => {
    this.#fail('timeout', `no complete answer within ${this.limits.timeoutMs} ms`);
  };

  readonly #onAbort = (): void => {
    this.#fail('network', 'aborted by the caller');
  };

  #fail(fault: OutboundError['fault'], why: string, cause?: Error): void {
    if (!this.#settle()) return;
    const error = new OutboundError(fault, `${this.call.what}: ${why}`, { cause, written: this.#written });
    this.#controller?.abort(error);
    this.reject(error);
  }

  #settle(): boolean {
    if (this.settled) return false;
    this.settled = true;
    clearTimeout(this.#timer);
    this.options.signal?.removeEventListener('abort', this.#onAbort);
    return true;
  }
}

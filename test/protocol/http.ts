import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { bearer, signInAsTest } from '../harness/sign-in.js';

export { basicAuthorization as basic } from '../harness/sign-in.js';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** The body as JSON; an empty object where it is none. */
  readonly body: Record<string, unknown>;
}

/** One request, with exactly these headers and bytes: fetch would correct some of them. */
export function send(
  method: string,
  url: string | URL,
  options: { headers?: Record<string, string>; body?: string } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const length = options.body === undefined ? {} : { 'content-length': Buffer.byteLength(options.body) };
    const request = httpRequest(url, { method, headers: { ...length, ...options.headers } }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (text += chunk));
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text, body: objectOf(text) }),
      );
    });
    request.on('error', reject);
    request.end(options.body);
  });
}

function objectOf(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return {};
  }
}

type Form = Readonly<Record<string, string>> | readonly (readonly [string, string])[];

/** Posts a form; pairs may repeat a name. */
export function form(url: string, fields: Form, headers: Record<string, string> = {}): Promise<Answer> {
  const body = new URLSearchParams(fields as Record<string, string>).toString();
  return send('POST', url, { body, headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers } });
}

export function json(url: string, value: unknown, headers: Record<string, string> = {}): Promise<Answer> {
  return send('POST', url, {
    body: JSON.stringify(value),
    headers: { 'content-type': 'application/json', ...headers },
  });
}

export interface Machine {
  readonly id: string;
  readonly clientId: string;
  readonly secret: string;
}

/** A client credential of this person at the `test` provider. `input` may hold scopes where the person may give them. */
export async function machineOf(server: string, person: string, input: object = {}): Promise<Machine> {
  const { access_token } = await signInAsTest(server, person);
  const { status, body, text } = await json(
    `${server}/client-credentials`,
    { name: 'machine', ...input },
    bearer(access_token),
  );
  if (status !== 201) throw new Error(`creating the credential answered ${status}: ${text}`);
  return { id: String(body['id']), clientId: String(body['client_id']), secret: String(body['client_secret']) };
}

/** What every answer with a token must say about being kept (D5, RFC 6749 §5.1). */
export const NO_STORE = { 'cache-control': 'no-store', pragma: 'no-cache' };

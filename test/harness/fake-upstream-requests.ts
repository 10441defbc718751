import type { FakeProvider } from './fake-upstream.js';

/** What a token endpoint answered. */
export interface TokenAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The parsed text where it is JSON, else empty. */
  readonly body: Record<string, string>;
}

/** The fake upstream's usual client, by HTTP Basic. */
export const basic = (secret = 'fake-secret') => ({
  authorization: `Basic ${Buffer.from(`fake-client:${secret}`).toString('base64')}`,
});

/** Posts to an endpoint of the provider; undefined fields are left out. */
export async function ask(
  provider: Pick<FakeProvider, 'issuer'>,
  path: string,
  request: {
    fields?: Readonly<Record<string, string | undefined>>;
    json?: unknown;
    headers?: Record<string, string>;
    signal?: AbortSignal;
  },
): Promise<TokenAnswer> {
  const { fields, json, headers = {}, signal } = request;
  const form = new URLSearchParams(JSON.parse(JSON.stringify(fields ?? {})) as Record<string, string>);
  const answer = await fetch(`${provider.issuer}${path}`, {
    method: 'POST',
    redirect: 'manual',
    ...(signal === undefined ? {} : { signal }),
    ...(json === undefined
      ? { headers, body: form }
      : { headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(json) }),
  });
  const text = await answer.text();
  return { status: answer.status, headers: answer.headers, text, body: asJson(text) };
}

/** The refresh grant (RFC 6749 §6) as the usual client. */
export const refresh = (
  provider: Pick<FakeProvider, 'issuer'>,
  refreshToken: string | undefined,
  signal?: AbortSignal,
): Promise<TokenAnswer> =>
  ask(provider, '/token', {
    fields: { grant_type: 'refresh_token', refresh_token: refreshToken },
    headers: basic(),
    ...(signal === undefined ? {} : { signal }),
  });

function asJson(text: string): Record<string, string> {
  try {
    return JSON.parse(text) as Record<string, string>;
  } catch {
    return {};
  }
}

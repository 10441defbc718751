import type { FastifyRequest } from 'fastify';

/** The value of a cookie. Two cookies of the name: somebody planted one, so neither counts. */
export function cookieOf(request: FastifyRequest, name: string): string | undefined {
  const values = (request.headers.cookie ?? '')
    .split(';')
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${name}=`))
    .map((pair) => pair.slice(name.length + 1));
  return values.length === 1 ? values[0] : undefined;
}

/** A `Set-Cookie` as all of ours are: for this host alone, not for scripts, and not on cross-site POSTs (D10, D32). */
export function cookieText(name: string, value: string, secure: boolean): string {
  return `${name}=${value}; Path=/; HttpOnly; SameSite=Lax${secure ? '; Secure' : ''}`;
}

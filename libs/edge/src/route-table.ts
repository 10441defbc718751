import type { FastifyInstance } from 'fastify';

interface KnownPath {
  readonly matches: (path: string) => boolean;
  readonly methods: Set<string>;
}

function matcherOf(pattern: string): (path: string) => boolean {
  if (!/[:*(]/.test(pattern)) return (path) => path === pattern;
  const source = pattern
    .split('/')
    .map((segment) => {
      if (segment === '*') return '.*';
      return segment.startsWith(':') ? '[^/]+' : segment.replaceAll(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`);
    })
    .join('/');
  const expression = new RegExp(`^${source}$`);
  return (path) => expression.test(path);
}

/** One method and path pattern that Fastify answers. */
export interface ServedRoute {
  readonly method: string;
  readonly path: string;
}

const tables = new WeakMap<object, RouteTable>();

/** The table that watches this Fastify instance; an empty one when none does. */
export function routeTableOf(fastify: object): RouteTable {
  return tables.get(fastify) ?? new RouteTable();
}

/** Which methods each path answers. Fastify says 404 for a wrong method; RFC 9110 §15.5.6 wants 405 with `Allow`. */
export class RouteTable {
  readonly #paths = new Map<string, KnownPath>();

  /** Listens to the routes that are registered from now on. */
  watch(fastify: FastifyInstance): void {
    tables.set(fastify, this);
    fastify.addHook('onRoute', (route) => {
      const methods = typeof route.method === 'string' ? [route.method] : route.method;
      let known = this.#paths.get(route.url);
      if (known === undefined) {
        known = { matches: matcherOf(route.url), methods: new Set() };
        this.#paths.set(route.url, known);
      }
      for (const method of methods) known.methods.add(method.toUpperCase());
    });
  }

  /** Methods that a concrete path answers, sorted; empty when the path is unknown. Used only on the way to a 404. */
  allowedMethods(path: string): readonly string[] {
    const methods = new Set<string>();
    for (const known of this.#paths.values())
      if (known.matches(path)) for (const method of known.methods) methods.add(method);
    return [...methods].toSorted();
  }

  /** Every route, sorted by path and method. */
  routes(): readonly ServedRoute[] {
    return [...this.#paths]
      .flatMap(([path, { methods }]) => [...methods].map((method) => ({ method, path })))
      .toSorted((a, b) => (a.path === b.path ? compare(a.method, b.method) : compare(a.path, b.path)));
  }
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

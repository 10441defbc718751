import { RequestMethod, type INestApplication, type Type } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { policyOf, type DialectName, type RateClassName, type RouteAccess } from './route-policy.js';
import { routeTableOf } from './route-table.js';

/** One line of the list that a test snapshots, so that no route becomes public by accident (R25, R32). */
export interface ListedRoute {
  readonly method: string;
  readonly path: string;
  readonly access: RouteAccess;
  readonly rateClass: RateClassName;
  readonly dialect: DialectName;
  /** `Class.method`, or `(framework)` for what Fastify plugins answer past every guard. */
  readonly handler: string;
}

const NEST_PATH = 'path';
const NEST_METHOD = 'method';

function pathsOf(target: object): string[] {
  const paths: unknown = Reflect.getMetadata(NEST_PATH, target);
  return (Array.isArray(paths) ? paths : [paths ?? '/']).map(String);
}

function joined(...parts: string[]): string {
  const path = parts
    .flatMap((part) => part.split('/'))
    .filter((segment) => segment !== '')
    .join('/');
  return `/${path}`;
}

function listController(controller: Type): ListedRoute[] {
  const prototype = controller.prototype as Record<string, unknown>;
  return Object.getOwnPropertyNames(prototype).flatMap((name) => {
    const handler = Object.getOwnPropertyDescriptor(prototype, name)?.value as unknown;
    const method: unknown =
      typeof handler === 'function' && name !== 'constructor' ? Reflect.getMetadata(NEST_METHOD, handler) : undefined;
    if (typeof handler !== 'function' || typeof method !== 'number') return [];
    return pathsOf(controller).flatMap((prefix) =>
      pathsOf(handler).map((path) => ({
        method: RequestMethod[method] ?? 'ALL',
        path: joined(prefix, path),
        ...policyOf(handler),
        handler: `${controller.name}.${name}`,
      })),
    );
  });
}

/**
 * Every route that the application answers, sorted by path and method; HEAD is left out where GET is listed. Routes
 * that no controller owns are public by nature, and are listed so that they are seen.
 */
export function listRoutes(app: INestApplication): readonly ListedRoute[] {
  const controllers = [...app.get(ModulesContainer).values()].flatMap((module) => [...module.controllers.values()]);
  const types = new Set(controllers.map(({ metatype }) => metatype).filter((type) => typeof type === 'function'));
  const listed = [...types].flatMap((type) => listController(type as Type));
  const owned = new Set(listed.map(({ method, path }) => `${method} ${path}`));
  const ofFramework = routeTableOf(app.getHttpAdapter().getInstance())
    .routes()
    .filter(({ method, path }) => method !== 'HEAD' && !owned.has(`${method} ${path}`) && !owned.has(`ALL ${path}`))
    .map((route): ListedRoute => ({
      ...route,
      access: 'public',
      rateClass: 'none',
      dialect: 'tmi',
      handler: '(framework)',
    }));
  const key = (route: ListedRoute) => `${route.path} ${route.method}`;
  return [...listed, ...ofFramework].toSorted((a, b) => (key(a) < key(b) ? -1 : 1));
}

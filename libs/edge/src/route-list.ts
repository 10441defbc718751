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
  const prototype = controller.prototype as object;
  const listed: ListedRoute[] = [];
  for (const name of Object.getOwnPropertyNames(prototype)) {
    const handler = Object.getOwnPropertyDescriptor(prototype, name)?.value as unknown;
    if (typeof handler !== 'function' || name === 'constructor') continue;
    const method: unknown = Reflect.getMetadata(NEST_METHOD, handler);
    if (typeof method !== 'number') continue;
    const { access, rateClass, dialect } = policyOf(handler);
    for (const prefix of pathsOf(controller))
      for (const path of pathsOf(handler))
        listed.push({
          method: RequestMethod[method] ?? 'ALL',
          path: joined(prefix, path),
          access,
          rateClass,
          dialect,
          handler: `${controller.name}.${name}`,
        });
  }
  return listed;
}

function controllersOf(app: INestApplication): ReadonlySet<Type> {
  const types = new Set<Type>();
  for (const module of app.get(ModulesContainer).values())
    for (const { metatype } of module.controllers.values())
      if (typeof metatype === 'function') types.add(metatype as Type);
  return types;
}

/**
 * Every route that the application answers, sorted by path and method; HEAD is left out where GET is listed. Routes
 * that no controller owns are public by nature, and are listed so that they are seen.
 */
export function listRoutes(app: INestApplication): readonly ListedRoute[] {
  const listed = [...controllersOf(app)].flatMap(listController);
  const owned = new Set(listed.map(({ method, path }) => `${method} ${path}`));
  for (const { method, path } of routeTableOf(app.getHttpAdapter().getInstance()).routes())
    if (method !== 'HEAD' && !owned.has(`${method} ${path}`) && !owned.has(`ALL ${path}`))
      listed.push({ method, path, access: 'public', rateClass: 'none', dialect: 'tmi', handler: '(framework)' });
  const key = (route: ListedRoute) => `${route.path} ${route.method}`;
  return listed.toSorted((a, b) => (key(a) < key(b) ? -1 : 1));
}

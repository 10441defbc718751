import { RouteConfig } from '@nestjs/platform-fastify';
import type { FastifyRequest } from 'fastify';

/**
 * Who may call a route. A route without a decorator is `user`: deny by default (R25, R32). `tenant`: whatever acts for an
 * organization, judged by the tenant guard (D28, D30).
 */
export type RouteAccess = 'public' | 'user' | 'administrator' | 'any' | 'tenant';

/** Which counter a route spends (D44). `none` is for routes that count something else (D57). */
export type RateClassName = 'interactive' | 'token' | 'discovery' | 'api' | 'none';

/** The four ways in which the documented APIs write an error (D4). */
export type DialectName = 'tmi' | 'mix' | 'mielto' | 'planetscale';

/** What the guards, the error filter and the route list need to know about a route. */
export interface RoutePolicy {
  readonly access: RouteAccess;
  readonly rateClass: RateClassName;
  readonly dialect: DialectName;
  /** Whether tokens of registered applications may be used here; if not, they stand before the wall of D30. */
  readonly applications: 'refused' | 'admitted';
  /** Largest body in bytes; undefined: what every route takes. */
  readonly bodyLimitBytes: number | undefined;
}

type PartialPolicy = { -readonly [K in keyof RoutePolicy]?: RoutePolicy[K] };

export const DEFAULT_POLICY: RoutePolicy = Object.freeze({
  access: 'user',
  rateClass: 'api',
  dialect: 'tmi',
  applications: 'refused',
  bodyLimitBytes: undefined,
});

const OWN_POLICY = Symbol('gatehouse:route-policy');

/**
 * The policy object of one handler. It travels in Fastify's own route configuration, because parser faults happen
 * before Nest knows which handler will run, and because reading it there costs no reflection per request.
 */
function policyOfHandler(handler: object): PartialPolicy {
  const known: unknown = Reflect.getOwnMetadata(OWN_POLICY, handler);
  if (known !== undefined) return known as PartialPolicy;
  const policy: PartialPolicy = {};
  Reflect.defineMetadata(OWN_POLICY, policy, handler);
  RouteConfig({ policy })(handler as () => void);
  return policy;
}

function handlersOf(controller: abstract new (...args: never[]) => unknown): object[] {
  const prototype = controller.prototype as object;
  return Object.getOwnPropertyNames(prototype)
    .filter((name) => name !== 'constructor')
    .map((name) => Object.getOwnPropertyDescriptor(prototype, name)?.value as unknown)
    .filter((value): value is () => void => typeof value === 'function');
}

/** Sets one part of the policy: on a method it wins, on a class it fills in what the methods left open. */
function policyDecorator(part: PartialPolicy): ClassDecorator & MethodDecorator {
  return (target: object, _key?: string | symbol, descriptor?: PropertyDescriptor) => {
    if (descriptor !== undefined) {
      Object.assign(policyOfHandler(descriptor.value as object), part);
      return;
    }
    for (const handler of handlersOf(target as abstract new (...args: never[]) => unknown)) {
      const policy = policyOfHandler(handler);
      Object.assign(policy, { ...part, ...policy });
    }
  };
}

/** Nobody has to prove anything to call this route. The list of these is snapshotted by a test (R32). */
export function Public(): ClassDecorator & MethodDecorator {
  return policyDecorator({ access: 'public' });
}

/** `user`: a person's first-party token (D30); `administrator`: such a person with is_admin; `any`: any valid bearer. */
export function RequireAccess(access: Exclude<RouteAccess, 'public' | 'tenant'>): ClassDecorator & MethodDecorator {
  return policyDecorator({ access });
}

/**
 * The bearer guard lets calls without an access token of ours through, because another guard judges their credentials.
 * Never alone on a route: `RequireTenant` of organizations puts it there together with that guard.
 */
export function TenantRoute(): ClassDecorator & MethodDecorator {
  return policyDecorator({ access: 'tenant' });
}

/** Tokens of registered applications are good here as well: what it answers is the person's, by scope (D30). */
export function AdmitApplications(): ClassDecorator & MethodDecorator {
  return policyDecorator({ applications: 'admitted' });
}

/** Which per-address counter a call spends (D44); without it, `api`. */
export function RateClass(rateClass: RateClassName): ClassDecorator & MethodDecorator {
  return policyDecorator({ rateClass });
}

/** How this route writes errors (D4); without it, `tmi`. */
export function Dialect(dialect: DialectName): ClassDecorator & MethodDecorator {
  return policyDecorator({ dialect });
}

/** Takes larger bodies than other routes, e.g. for XML in a form field. */
export function BodyLimit(bytes: number): MethodDecorator {
  return policyDecorator({ bodyLimitBytes: bytes });
}

const complete = new WeakMap<object, RoutePolicy>();

/** The policy that a handler was decorated with, the gaps filled by {@link DEFAULT_POLICY}. */
export function policyOf(handler: object): RoutePolicy {
  const own = Reflect.getOwnMetadata(OWN_POLICY, handler) as PartialPolicy | undefined;
  return own === undefined ? DEFAULT_POLICY : completed(own);
}

function completed(own: PartialPolicy): RoutePolicy {
  let policy = complete.get(own);
  if (policy === undefined) {
    policy = Object.freeze({ ...DEFAULT_POLICY, ...own });
    complete.set(own, policy);
  }
  return policy;
}

/** The policy in Fastify's configuration of a route; {@link DEFAULT_POLICY} where a decorator put none there. */
export function policyOfRoute(config: unknown): RoutePolicy {
  const { policy } = (config ?? {}) as { policy?: PartialPolicy };
  return policy === undefined ? DEFAULT_POLICY : completed(policy);
}

/** The policy of the route that this request matched; {@link DEFAULT_POLICY} where none did. */
export function routePolicy(request: FastifyRequest): RoutePolicy {
  return policyOfRoute(request.routeOptions.config);
}

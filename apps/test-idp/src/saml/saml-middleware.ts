import { randomUUID } from 'node:crypto';
import { readForm, seeOther, show, type Context, type Middleware } from '../koa-pages.js';
import { loginPage } from '../pages.js';
import { findPerson } from '../people.js';
import { CORP_PEOPLE } from './corp-people.js';
import { MessageRefused, type LoginRequest, type Outgoing, type ReceivedMessage, type SamlIdp } from './saml-idp.js';
import { loggedOutPage, portalPage, POST_PAGE_HEADERS, postPage, problemPage } from './saml-pages.js';
import { BoundedMap, type IdpSession } from './saml-sessions.js';
import { ServiceProviderUnknown } from './service-provider.js';

/** Enough for any message that a service provider sends here, and for a login form. */
const MAX_FORM_BYTES = 65_536;

const COOKIE = 'test_idp_saml_session';

type Route = (ctx: Context) => Promise<void> | void;

/**
 * Everything under /saml: `metadata`, `sso` and `slo` by both bindings, `login/{id}` (who are you?), and `portal`, the page of
 * somebody who begins here instead of at an application.
 */
export function samlMiddleware(idp: SamlIdp): Middleware {
  const routes = new SamlRoutes(idp);
  return async (ctx, next) => {
    if (!ctx.path.startsWith('/saml/')) return next();
    const route = routes.find(ctx.method, ctx.path);
    if (route === undefined)
      return show(ctx, 404, problemPage('Nothing is here', `${ctx.method} ${ctx.path} is unknown.`));
    try {
      await route(ctx);
    } catch (error) {
      if (error instanceof MessageRefused) show(ctx, 400, problemPage('The message was refused', error.message));
      else if (error instanceof ServiceProviderUnknown)
        show(ctx, 502, problemPage('Gatehouse does not answer', error.message));
      else throw error;
    }
  };
}

class SamlRoutes {
  readonly #requests = new BoundedMap<LoginRequest>();
  /** Ids of LogoutRequests that Gatehouse has not answered yet. */
  readonly #logouts = new BoundedMap<string>();
  readonly #routes: Readonly<Record<string, Route>>;

  constructor(private readonly idp: SamlIdp) {
    this.#routes = {
      'GET /saml/metadata': (ctx) => this.#metadata(ctx),
      'GET /saml/sso': async (ctx) => this.#signOn(ctx, { binding: 'redirect', parameters: ctx.querystring }),
      'POST /saml/sso': async (ctx) => this.#signOn(ctx, { binding: 'post', parameters: await formOf(ctx) }),
      'GET /saml/login': (ctx) => this.#askWho(ctx),
      'POST /saml/login': (ctx) => this.#answerWho(ctx),
      'GET /saml/slo': async (ctx) => this.#logout(ctx, { binding: 'redirect', parameters: ctx.querystring }),
      'POST /saml/slo': async (ctx) => this.#logout(ctx, { binding: 'post', parameters: await formOf(ctx) }),
      'GET /saml/portal': (ctx) => this.#portal(ctx),
      'POST /saml/portal': (ctx) => this.#portalLogin(ctx),
      'POST /saml/portal/open': (ctx) => this.#openGatehouse(ctx),
      'POST /saml/portal/logout': (ctx) => this.#logoutEverywhere(ctx),
    };
  }

  find(method: string, path: string): Route | undefined {
    return this.#routes[`${method === 'HEAD' ? 'GET' : method} ${path}`];
  }

  #metadata(ctx: Context): void {
    ctx.type = 'application/samlmetadata+xml';
    ctx.body = this.idp.metadata;
  }

  /** The browser is sent on by GET, because its cookie does not come along when another site posts a form here. */
  async #signOn(ctx: Context, received: ReceivedMessage): Promise<void> {
    const request = await this.idp.readLoginRequest(received);
    const key = randomUUID();
    this.#requests.set(key, request);
    seeOther(ctx, `/saml/login?request=${key}`);
  }

  async #askWho(ctx: Context): Promise<void> {
    const request = this.#requests.get(requestKey(ctx));
    if (request === undefined) return expired(ctx);
    const session = this.#session(ctx);
    if (session !== undefined && !request.forceAuthn) {
      this.#requests.take(requestKey(ctx));
      return go(ctx, await this.idp.answerLogin(request, session));
    }
    if (request.isPassive) {
      this.#requests.take(requestKey(ctx));
      return go(ctx, await this.idp.refuseLogin(request, 'NoPassive'));
    }
    showLogin(ctx, 200, '', undefined);
  }

  async #answerWho(ctx: Context): Promise<void> {
    const form = new URLSearchParams(await formOf(ctx));
    const request = this.#requests.get(requestKey(ctx));
    if (request === undefined) return expired(ctx);
    if (form.has('cancel')) {
      this.#requests.take(requestKey(ctx));
      return go(ctx, await this.idp.refuseLogin(request, 'AuthnFailed'));
    }
    const session = this.#signIn(ctx, form);
    if (session === undefined) return;
    this.#requests.take(requestKey(ctx));
    go(ctx, await this.idp.answerLogin(request, session));
  }

  #portal(ctx: Context): void {
    const session = this.#session(ctx);
    if (session === undefined) showLogin(ctx, 200, '', undefined);
    else show(ctx, 200, portalPage(session));
  }

  async #portalLogin(ctx: Context): Promise<void> {
    const form = new URLSearchParams(await formOf(ctx));
    if (form.has('cancel')) return seeOther(ctx, '/');
    if (this.#signIn(ctx, form) !== undefined) seeOther(ctx, '/saml/portal');
  }

  async #openGatehouse(ctx: Context): Promise<void> {
    const session = this.#session(ctx);
    if (session === undefined) return seeOther(ctx, '/saml/portal');
    go(ctx, await this.idp.unsolicitedLogin(session));
  }

  async #logoutEverywhere(ctx: Context): Promise<void> {
    const session = this.#session(ctx);
    if (session === undefined) return seeOther(ctx, '/saml/portal');
    const binding = new URLSearchParams(await formOf(ctx)).get('binding') === 'post' ? 'post' : 'redirect';
    const { id, outgoing } = await this.idp.requestLogout(session, binding);
    this.#logouts.set(id, session.person.name);
    // Over here whatever Gatehouse answers.
    this.idp.sessions.end(session);
    go(ctx, outgoing);
  }

  /** Both directions arrive here: what Gatehouse asks, and what it answers. */
  async #logout(ctx: Context, received: ReceivedMessage): Promise<void> {
    if (!new URLSearchParams(received.parameters).has('SAMLResponse'))
      return go(ctx, this.idp.answerLogout(await this.idp.obeyLogoutRequest(received)));
    const answered = await this.idp.readLogoutResponse(received);
    const name = answered === undefined ? undefined : this.#logouts.take(answered);
    if (name === undefined) throw new MessageRefused('InResponseTo names no LogoutRequest that waits for an answer');
    show(ctx, 200, loggedOutPage(`${name} is logged out here, and Gatehouse answered: Success.`));
  }

  #session(ctx: Context): IdpSession | undefined {
    return this.idp.sessions.find(ctx.cookies.get(COOKIE, { signed: false }));
  }

  /** Begins the session of who was typed or pressed; undefined: there is nobody of that name, and the page has said so. */
  #signIn(ctx: Context, form: URLSearchParams): IdpSession | undefined {
    const typed = form.get('login') ?? '';
    const person = findPerson(CORP_PEOPLE, typed);
    if (person === undefined) {
      showLogin(ctx, 400, typed, 'There is nobody with that login.');
      return undefined;
    }
    const before = this.#session(ctx);
    if (before !== undefined) this.idp.sessions.end(before);
    const session = this.idp.sessions.begin(person);
    ctx.cookies.set(COOKIE, session.id, {
      signed: false,
      httpOnly: true,
      sameSite: 'lax',
      path: '/saml',
      overwrite: true,
    });
    return session;
  }
}

function requestKey(ctx: Context): string {
  return new URLSearchParams(ctx.querystring).get('request') ?? '';
}

async function formOf(ctx: Context): Promise<string> {
  const form = await readForm(ctx.req, MAX_FORM_BYTES);
  if (form === undefined) throw new MessageRefused(`A form may have ${MAX_FORM_BYTES} bytes here`);
  return form;
}

function showLogin(ctx: Context, status: number, hint: string, problem: string | undefined): void {
  const html = loginPage({
    title: 'Test SAML identity provider',
    people: CORP_PEOPLE,
    action: ctx.url,
    clientName: ctx.path === '/saml/portal' ? 'The company portal' : 'Gatehouse',
    hint,
    preselected: undefined,
    problem,
  });
  show(ctx, status, html);
}

function expired(ctx: Context): void {
  show(ctx, 400, problemPage('This sign-in has expired', 'Go back to the application and start again.'));
}

function go(ctx: Context, outgoing: Outgoing): void {
  if (outgoing.binding === 'redirect') seeOther(ctx, outgoing.location);
  else show(ctx, 200, postPage(outgoing), POST_PAGE_HEADERS);
}

import { errors, type Provider } from 'oidc-provider';
import { readForm, seeOther, show, type Context, type Middleware } from './koa-pages.js';
import { indexPage, loginPage, page } from './pages.js';
import { findPersonByLogin, PEOPLE, type Person } from './people.js';

const MAX_FORM_BYTES = 4096;

/**
 * The pages between the authorization request and its answer: `GET /` (what this is), `GET /interaction/{uid}` (who
 * are you?) and `POST /interaction/{uid}` with a form field `login` or `cancel`. Everything else is the library's.
 */
export function loginMiddleware(provider: Provider): Middleware {
  return async (ctx, next) => {
    if (ctx.path === '/' && ctx.method === 'GET') return show(ctx, 200, indexPage(provider.issuer));
    if (!/^\/interaction\/[^/]+$/.test(ctx.path)) return next();
    try {
      if (ctx.method === 'GET') await askWho(provider, ctx);
      else if (ctx.method === 'POST') await answerWho(provider, ctx);
      else ctx.status = 405;
    } catch (error) {
      if (!(error instanceof errors.SessionNotFound)) throw error;
      show(ctx, 400, page('This sign-in has expired', '<p>Go back to the application and start again.</p>'));
    }
  };
}

/**
 * `offline_access` counts only together with `prompt=consent` (OIDC Core §11), which most applications do not send
 * and most identity providers do not ask for. Consent is automatic here, so it is added for them. `prompt=none`
 * cannot be combined with anything and stays as it is.
 */
export const consentForOfflineAccess: Middleware = (ctx, next) => {
  const { scope, prompt } = ctx.query;
  const wantsOffline = typeof scope === 'string' && scope.split(' ').includes('offline_access');
  if (ctx.path === '/auth' && wantsOffline && !Array.isArray(prompt)) {
    const prompts = prompt?.split(' ').filter(Boolean) ?? [];
    if (!prompts.includes('none') && !prompts.includes('consent')) {
      ctx.query = { ...ctx.query, prompt: [...prompts, 'consent'].join(' ') };
    }
  }
  return next();
};

async function askWho(provider: Provider, ctx: Context): Promise<void> {
  const { prompt, params } = await provider.interactionDetails(ctx.req, ctx.res);
  if (prompt.name === 'consent') {
    const returnTo = await provider.interactionResult(ctx.req, ctx.res, { consent: {} });
    return seeOther(ctx, returnTo);
  }
  const hint = typeof params.login_hint === 'string' ? params.login_hint : '';
  await showLogin(provider, ctx, 200, hint, undefined);
}

async function answerWho(provider: Provider, ctx: Context): Promise<void> {
  const body = await readForm(ctx.req, MAX_FORM_BYTES);
  if (body === undefined) {
    return show(ctx, 413, page('Too much', `<p>A form may have ${MAX_FORM_BYTES} bytes.</p>`));
  }
  const form = new URLSearchParams(body);
  if (form.has('cancel')) {
    const refusal = { error: 'access_denied', error_description: 'The person cancelled the sign-in' };
    const returnTo = await provider.interactionResult(ctx.req, ctx.res, refusal, { mergeWithLastSubmission: false });
    return seeOther(ctx, returnTo);
  }
  const typed = form.get('login') ?? '';
  const person = findPersonByLogin(typed);
  if (!person) return showLogin(provider, ctx, 400, typed, 'There is nobody with that login.');
  return seeOther(ctx, await signIn(provider, ctx, person));
}

/**
 * Answers the interaction, and returns where the browser goes on. When somebody else was signed in here, the browser
 * session is emptied first: otherwise the library would ask for a scripted logout in the middle of the sign-in.
 */
async function signIn(provider: Provider, ctx: Context, person: Person): Promise<string> {
  const result = { login: { accountId: person.subject }, consent: {} };
  const returnTo = await provider.interactionResult(ctx.req, ctx.res, result, { mergeWithLastSubmission: false });
  const session = await provider.Session.get(ctx);
  if (session.accountId !== undefined && session.accountId !== person.subject) {
    session.accountId = undefined;
    session.authorizations = {};
    await session.persist();
  }
  return returnTo;
}

async function showLogin(
  provider: Provider,
  ctx: Context,
  status: number,
  hint: string,
  problem: string | undefined,
): Promise<void> {
  const { params } = await provider.interactionDetails(ctx.req, ctx.res);
  const client = await provider.Client.find(String(params.client_id));
  const html = loginPage({
    title: 'Test identity provider',
    people: PEOPLE,
    action: ctx.path,
    clientName: client?.clientName ?? String(params.client_id),
    hint,
    preselected: findPersonByLogin(hint),
    problem,
  });
  show(ctx, status, html);
}

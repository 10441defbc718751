import type { GatehouseConfig } from '@app/config';
import { escapeHtml } from '@app/sign-in';

/** Scripts, styles and requests of our own origin only; nothing inline, no frames, no forms (D38). */
export const HOME_CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

type PageConfig = Pick<GatehouseConfig, 'production' | 'publicUrl' | 'fragmentDelivery' | 'testIdpPort'>;

/** Where the development identity providers live; there too a sign-in can begin (D36). */
function testIdp({ testIdpPort }: PageConfig): string {
  if (testIdpPort === undefined) return '';
  const base = `http://localhost:${testIdpPort}`;
  return `
    <p class="quiet">Or begin at the <a href="${base}/saml/portal">portal of the SAML test identity provider</a>.</p>`;
}

function signIn(config: PageConfig): string {
  const fragment = config.fragmentDelivery
    ? '<label><input type="radio" name="delivery" value="fragment"> tokens in the address fragment, as older clients expect</label>'
    : '';
  return `
    <h2 id="sign-in">Sign in</h2>
    <p id="status" role="status" class="quiet"></p>
    <noscript><p class="bad">This page signs in with a script; the API does not need one.</p></noscript>
    <fieldset>
      <legend>How the tokens come back</legend>
      <label><input type="radio" name="delivery" value="code" checked> a code, exchanged with PKCE</label>
      ${fragment}
    </fieldset>
    <ul id="providers" class="providers" aria-labelledby="sign-in"></ul>${testIdp(config)}
    <div id="result" hidden></div>`;
}

/**
 * The page at `/`. In development it is a first-party client that anybody can try; in production it says what this
 * is and no more, because signing in begins at the applications.
 */
export function homePage(config: PageConfig): string {
  const url = escapeHtml(config.publicUrl);
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Gatehouse</title>
    <link rel="stylesheet" href="assets/home.css">
    ${config.production ? '' : '<script type="module" src="assets/home.js"></script>'}
  </head>
  <body data-public-url="${url}">
    <header>
      <h1>Gatehouse</h1>
      <p class="quiet">The login gateway at ${url}</p>
    </header>
    <main>${config.production ? '\n    <p>Sign in through the application that you want to use.</p>' : signIn(config)}
      <h2>For developers</h2>
      <ul>
        <li><a href="docs">API reference</a> and its <a href="openapi.json">OpenAPI document</a></li>
        <li><a href=".well-known/openid-configuration">Discovery document</a></li>
      </ul>
    </main>
  </body>
</html>
`;
}

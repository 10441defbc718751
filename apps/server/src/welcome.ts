import type { GatehouseConfig } from '@app/config';

/** Any challenge will do where the tokens come back at once; this one is of the verifier in RFC 7636 appendix B. */
const CHALLENGE = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM';

/** What a developer reads when the server is up: where to sign in and how to have a first token in hand. */
export function welcome(config: GatehouseConfig, testIdpIssuer: string | undefined): string {
  const { publicUrl, providers } = config;
  const lines = [`Gatehouse is ready at ${publicUrl}/`, ''];
  lines.push(`  Sign in:         ${publicUrl}/`);
  lines.push(`  API:             ${publicUrl}/docs`);
  if (testIdpIssuer !== undefined) {
    lines.push(`  Test provider:   ${testIdpIssuer}`);
    lines.push(`  SAML portal:     ${testIdpIssuer}/saml/portal`);
  }
  if (providers.some(({ type }) => type === 'test'))
    lines.push(
      '',
      '  A first token, without a browser:',
      `    curl -s '${publicUrl}/oauth2/authorize?idp=test&scope=openid&login_hint=alice&code_challenge=${CHALLENGE}'`,
    );
  return `${lines.join('\n')}\n`;
}

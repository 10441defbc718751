import { randomBytes } from 'node:crypto';
import { SAML, type CacheProvider } from '@node-saml/node-saml';
import { MultiSamlStrategy, type MultiStrategyConfig, type PassportSamlConfig } from '@node-saml/passport-saml';
import { Inject, Injectable } from '@nestjs/common';
import { PassportStrategy } from '@nestjs/passport';
import passport, { type Strategy } from 'passport';
import { GATEHOUSE_CONFIG, type GatehouseConfig, type SamlProviderConfig } from '@app/config';
import type { IdpDescription, SamlBinding } from '../metadata/idp-description.js';
import { SamlKeys } from '../sp/saml-keys.js';
import { quoteFound } from '../verdict.js';

/** One login to begin. */
export interface AuthnRequestOrder {
  readonly provider: SamlProviderConfig;
  readonly idp: IdpDescription;
  /** Ours: opaque, at most 80 bytes (bindings §3.4.3). */
  readonly relayState: string;
  /** `forced`: the person proves himself anew (ForceAuthn); `forbidden`: no page may be shown (IsPassive, core §3.4.1). */
  readonly interaction: 'as-needed' | 'forced' | 'forbidden';
  /** Exactly one of these is asked for, as `narrowedClasses` left them; empty: what is configured. */
  readonly contextClasses: readonly string[];
}

/** How the browser takes an AuthnRequest to the IdP. `requestId` is what its answer must name in InResponseTo. */
export type BegunAuthnRequest =
  | { readonly kind: 'redirect'; readonly requestId: string; readonly url: string }
  | {
      readonly kind: 'post';
      readonly requestId: string;
      readonly destination: string;
      readonly fields: { readonly SAMLRequest: string; readonly RelayState: string };
    };

/** The metadata offers no address over a binding that we may use; for operators. */
export class NoSingleSignOnEndpoint extends Error {
  override readonly name = 'NoSingleSignOnEndpoint';
}

/** Where an AuthnRequest of this provider goes: the configured binding, else Redirect before POST. */
export function singleSignOnEndpoint(
  provider: Pick<SamlProviderConfig, 'id' | 'requestBinding'>,
  idp: IdpDescription,
): { readonly binding: SamlBinding; readonly location: string } {
  const wanted: readonly SamlBinding[] =
    provider.requestBinding === undefined ? ['redirect', 'post'] : [provider.requestBinding];
  for (const binding of wanted) {
    const found = idp.singleSignOn.find((endpoint) => endpoint.binding === binding && isWebAddress(endpoint.location));
    if (found !== undefined) return { binding, location: found.location };
  }
  throw new NoSingleSignOnEndpoint(
    `provider "${provider.id}": the metadata of ${quoteFound(idp.entityId)} has no SingleSignOnService over ${wanted.join(' or ')}; ` +
      'set request_binding to a binding that it offers',
  );
}

/** Metadata is a stranger's text, and a form's action must not become a script. */
function isWebAddress(location: string): boolean {
  return URL.canParse(location) && /^https?:$/.test(new URL(location).protocol);
}

/**
 * All that passport-saml ever sees of a request: made here, so nothing that a browser sent is in it. Its login route also
 * validates `SAMLRequest` and `SAMLResponse` and takes RelayState from the query; here there are none but ours.
 */
interface BeginRequest {
  readonly headers: Record<string, never>;
  readonly body: Record<string, never>;
  readonly query: { readonly RelayState: string };
  readonly saml: Partial<PassportSamlConfig>;
}

/** Requests are remembered in the transaction of the login, at any instance; the engine's own memory stays empty. */
const NO_CACHE: CacheProvider = {
  saveAsync: () => Promise.resolve(null),
  getAsync: () => Promise.resolve(null),
  removeAsync: () => Promise.resolve(null),
};

type AuthenticateParameters = Parameters<MultiSamlStrategy['authenticate']>;

let instances = 0;

/** passport-saml's strategy for many providers; only ever used to begin. Each application registers its own. */
class BeginStrategy extends PassportStrategy(MultiSamlStrategy, 'saml') {
  override readonly name = `saml-${++instances}`;

  constructor() {
    const settings: MultiStrategyConfig = {
      // Synchronous on purpose: what the engine throws after a callback that comes later is caught by nobody.
      getSamlOptions: (request, done) => done(null, (request as unknown as BeginRequest).saml),
    };
    super(settings, () => this.validate());
    // Their types name two releases of Express's.
    passport.use(this.name, this as unknown as Strategy);
  }

  /** Redirect as passport-saml does it; POST as fields, because its own page holds script that our CSP refuses (D38). */
  override authenticate(request: AuthenticateParameters[0], options: AuthenticateParameters[1] = {}): void {
    const { saml, query } = request as unknown as BeginRequest;
    if (saml.authnRequestBinding !== 'HTTP-POST') return super.authenticate(request, options);
    new SAML(saml as PassportSamlConfig).getAuthorizeMessageAsync(query.RelayState).then(
      (fields) => this.success(fields),
      (error: Error) => this.error(error),
    );
  }

  /** Answers are never validated here: that is the verifier's alone. */
  validate(): never {
    throw new Error('this strategy only begins logins');
  }
}

/** Begins logins at SAML identity providers (core §3.4.1, bindings §3.4 and §3.5). */
@Injectable()
export class SamlAuthnRequests {
  private readonly strategy = new BeginStrategy();
  private readonly acsUrl: string;

  constructor(
    private readonly keys: SamlKeys,
    @Inject(GATEHOUSE_CONFIG) config: GatehouseConfig,
  ) {
    this.acsUrl = `${config.publicUrl}/saml/acs`;
  }

  /**
   * Makes the AuthnRequest of a login: signed where we or the IdP want it, with an id of 160 random bits (D10).
   * @throws NoSingleSignOnEndpoint
   */
  async begin(order: AuthnRequestOrder): Promise<BegunAuthnRequest> {
    const { binding, location } = singleSignOnEndpoint(order.provider, order.idp);
    const requestId = `_${randomBytes(20).toString('hex')}`;
    const outcome = await this.perform({
      headers: {},
      body: {},
      query: { RelayState: order.relayState },
      saml: this.options(order, requestId, binding, location),
    });
    if (typeof outcome === 'string') return { kind: 'redirect', requestId, url: outcome };
    const { SAMLRequest: message = '', RelayState: relayState = '' } = outcome;
    return {
      kind: 'post',
      requestId,
      destination: location,
      fields: { SAMLRequest: message, RelayState: relayState },
    };
  }

  private options(
    { provider, idp, interaction, contextClasses }: AuthnRequestOrder,
    requestId: string,
    binding: SamlBinding,
    location: string,
  ): Partial<PassportSamlConfig> {
    const { classes, comparison } =
      contextClasses.length > 0
        ? { classes: contextClasses, comparison: 'exact' as const }
        : (provider.requestedAuthnContext ?? { classes: [], comparison: 'exact' as const });
    return {
      callbackUrl: this.acsUrl,
      entryPoint: location,
      issuer: provider.entityId,
      idpCert: [...idp.signingCertificates],
      authnRequestBinding: binding === 'post' ? 'HTTP-POST' : 'HTTP-Redirect',
      // Bindings §3.5.4: the POST binding is base64 alone; only Redirect deflates (§3.4.4.1).
      skipRequestCompression: binding === 'post',
      // null: any format will do (core §3.4.1.1); the engine's own default is e-mail.
      identifierFormat: provider.nameIdFormat ?? null,
      forceAuthn: provider.forceAuthn || interaction === 'forced',
      passive: interaction === 'forbidden',
      disableRequestedAuthnContext: classes.length === 0,
      authnContext: [...classes],
      racComparison: comparison,
      generateUniqueId: () => requestId,
      cacheProvider: NO_CACHE,
      ...(provider.signRequests || idp.wantAuthnRequestsSigned ? this.signing() : {}),
    };
  }

  /** SHA-1 is what the engine signs with when nobody says otherwise. */
  private signing(): Partial<PassportSamlConfig> {
    const { privateKey, certificate } = this.keys.signing();
    const lines = certificate.match(/.{1,64}/g) ?? [];
    return {
      privateKey,
      publicCert: `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`,
      signatureAlgorithm: 'sha256',
      digestAlgorithm: 'sha256',
    };
  }

  /** Passport as Express would run it: a URL where it redirects, fields where the strategy answers with them. */
  private perform(request: BeginRequest): Promise<string | Record<string, string>> {
    return new Promise((resolve, reject) => {
      const headers = new Map<string, string>();
      const response = {
        statusCode: 200,
        setHeader: (name: string, value: string) => void headers.set(name, value),
        end: () => resolve(headers.get('Location') ?? ''),
      };
      const done = (error: unknown, fields?: Record<string, string> | false) => {
        if (error) reject(asError(error));
        else if (fields) resolve(fields);
        else reject(new Error('the SAML engine made no request'));
      };
      const middleware = passport.authenticate(this.strategy.name, { session: false }, done) as (
        request: BeginRequest,
        response: unknown,
        next: (error?: unknown) => void,
      ) => void;
      middleware(request, response, (error) => reject(asError(error)));
    });
  }
}

function asError(fault: unknown): Error {
  return fault instanceof Error ? fault : new Error('the SAML engine failed', { cause: fault });
}

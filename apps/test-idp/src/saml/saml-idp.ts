import { Extractor, IdentityProvider, setSchemaValidator, type IdentityProviderInstance } from 'samlify';
import { SIGNING_CERTIFICATE, SIGNING_KEY } from './development-key.js';
import { IdpSessions, type IdpSession } from './saml-sessions.js';
import {
  identityProviderMetadata,
  loginResponse,
  logoutRequest,
  logoutResponse,
  PERSISTENT,
  persistentNameId,
  refusalResponse,
  type Parties,
  type Refusal,
  type UnsignedMessage,
} from './saml-xml.js';
import {
  readServiceProvider,
  serviceProviderEntity,
  type SamlBinding,
  type ServiceProviderFacts,
} from './service-provider.js';

/**
 * samlify insists on a schema validator. Ours asks for well-formed XML without a document type, no more: this provider
 * talks to the developer's own Gatehouse, and what it reads afterwards it reads by name.
 */
setSchemaValidator({
  validate: async (xml) => {
    if (xml.includes('<!DOCTYPE')) throw new Error('a SAML message has no document type');
    return Extractor.extract(xml, []);
  },
});

/** A message as it came, by either binding. */
export interface ReceivedMessage {
  readonly binding: SamlBinding;
  /** Redirect: the raw query, without the question mark. POST: the form as it was sent. */
  readonly parameters: string;
}

/** An AuthnRequest that a good signature covered. */
export interface LoginRequest {
  readonly id: string;
  readonly serviceProvider: ServiceProviderFacts;
  readonly relayState: string;
  readonly forceAuthn: boolean;
  readonly isPassive: boolean;
}

/** A LogoutRequest that a good signature covered, and has been obeyed. */
export interface LogoutDone {
  readonly id: string;
  readonly serviceProvider: ServiceProviderFacts;
  readonly binding: SamlBinding;
  readonly relayState: string;
  readonly endedSessions: number;
}

/** Where the browser goes next: to an address, or by a form that is posted there. */
export type Outgoing =
  | { readonly binding: 'redirect'; readonly location: string }
  | { readonly binding: 'post'; readonly destination: string; readonly fields: Readonly<Record<string, string>> };

/** A message that this provider does not accept; `message` says why, for the developer. */
export class MessageRefused extends Error {
  override readonly name = 'MessageRefused';
}

export interface SamlIdpOptions {
  /** Base of every address: an origin without a trailing slash. */
  readonly issuer: string;
  /** Where the one service provider publishes its metadata. */
  readonly serviceProviderMetadataUrl: string;
  readonly now: () => Date;
}

type Signing = Parameters<typeof serviceProviderEntity>[2];

/** The messages of a SAML 2.0 identity provider with one service provider; signing and XML signatures are samlify's. */
export class SamlIdp {
  readonly entityId: string;
  readonly metadata: string;
  readonly sessions: IdpSessions;
  readonly #entity: IdentityProviderInstance;

  constructor(private readonly options: SamlIdpOptions) {
    this.entityId = `${options.issuer}/saml/metadata`;
    this.metadata = identityProviderMetadata(options.issuer, SIGNING_CERTIFICATE.replaceAll(/-----[^-]+-----|\s/g, ''));
    this.sessions = new IdpSessions(options.now);
    this.#entity = IdentityProvider({
      metadata: this.metadata,
      privateKey: SIGNING_KEY,
      nameIDFormat: [PERSISTENT],
      wantLogoutRequestSigned: true,
      wantLogoutResponseSigned: true,
    });
  }

  /** @throws MessageRefused, ServiceProviderUnknown */
  async readLoginRequest(received: ReceivedMessage): Promise<LoginRequest> {
    const { facts, content, parsed, relayState } = await this.#verified(received, 'SAMLRequest', (peer, request) =>
      this.#entity.parseLoginRequest(peer, received.binding, request),
    );
    const asked = field(parsed, 'request', 'assertionConsumerServiceUrl');
    if (asked !== undefined && asked !== facts.assertionConsumerService)
      throw new MessageRefused(
        'The AssertionConsumerServiceURL is not the one in the metadata of the service provider',
      );
    const flags = Extractor.extract(content, [
      { key: 'forceAuthn', localPath: ['AuthnRequest'], attributes: ['ForceAuthn'] },
      { key: 'isPassive', localPath: ['AuthnRequest'], attributes: ['IsPassive'] },
    ]);
    return {
      id: this.#idOf(parsed, 'request', '/saml/sso'),
      serviceProvider: facts,
      relayState,
      forceAuthn: isTrue(flags['forceAuthn']),
      isPassive: isTrue(flags['isPassive']),
    };
  }

  /** The answer to a request, signed twice: assertion and response. */
  answerLogin(request: LoginRequest, session: IdpSession): Promise<Outgoing> {
    const { serviceProvider, relayState } = request;
    const message = loginResponse(session, this.#toAcs(serviceProvider), request.id, this.options.now());
    return this.#respond(serviceProvider, message, 'response and assertion', relayState);
  }

  refuseLogin(request: LoginRequest, refusal: Refusal): Promise<Outgoing> {
    const { serviceProvider, relayState } = request;
    const message = refusalResponse(refusal, this.#toAcs(serviceProvider), request.id, this.options.now());
    return this.#respond(serviceProvider, message, 'response', relayState);
  }

  /**
   * A response that nobody asked for: the IdP-initiated login.
   * @throws ServiceProviderUnknown
   */
  async unsolicitedLogin(session: IdpSession): Promise<Outgoing> {
    const facts = await readServiceProvider(this.options.serviceProviderMetadataUrl);
    const message = loginResponse(session, this.#toAcs(facts), undefined, this.options.now());
    return this.#respond(facts, message, 'response and assertion', '');
  }

  /**
   * Ends what a LogoutRequest of the service provider names.
   * @throws MessageRefused, ServiceProviderUnknown
   */
  async obeyLogoutRequest(received: ReceivedMessage): Promise<LogoutDone> {
    const { facts, parsed, relayState } = await this.#verified(received, 'SAMLRequest', (peer, request) =>
      this.#entity.parseLogoutRequest(peer, received.binding, request),
    );
    const named = [parsed['sessionIndex']].flat(2).filter((index) => typeof index === 'string');
    const endedSessions = this.sessions.endNamed(
      (person) => persistentNameId(person, facts.entityId) === parsed['nameID'],
      named,
    );
    const id = this.#idOf(parsed, 'request', '/saml/slo');
    return { id, serviceProvider: facts, binding: received.binding, relayState, endedSessions };
  }

  /** The LogoutResponse, on the binding of the request. */
  answerLogout(request: LogoutDone): Outgoing {
    const { serviceProvider, binding, relayState } = request;
    const message = logoutResponse(this.#toSlo(serviceProvider, binding), request.id, this.options.now());
    const peer = serviceProviderEntity(serviceProvider, undefined, 'response');
    const context = this.#entity.createLogoutResponse(peer, { extract: {} }, binding, {
      relayState,
      customTagReplacement: () => message,
    });
    return outgoing(serviceProvider.singleLogoutService[binding], binding, 'SAMLResponse', context.context, relayState);
  }

  /**
   * A LogoutRequest to the service provider, signed. `id` is what its answer names.
   * @throws ServiceProviderUnknown
   */
  async requestLogout(
    session: IdpSession,
    binding: SamlBinding,
  ): Promise<{ readonly id: string; readonly outgoing: Outgoing }> {
    const facts = await readServiceProvider(this.options.serviceProviderMetadataUrl);
    const message = logoutRequest(session, this.#toSlo(facts, binding), this.options.now());
    const peer = serviceProviderEntity(facts, undefined, 'response');
    const { context } = this.#entity.createLogoutRequest(peer, binding, {}, { customTagReplacement: () => message });
    const address = facts.singleLogoutService[binding];
    return { id: message.id, outgoing: outgoing(address, binding, 'SAMLRequest', context, '') };
  }

  /**
   * The id of the LogoutRequest that a good signature answers with Success.
   * @throws MessageRefused for any other answer, ServiceProviderUnknown
   */
  async readLogoutResponse(received: ReceivedMessage): Promise<string | undefined> {
    const { parsed } = await this.#verified(received, 'SAMLResponse', (peer, request) =>
      this.#entity.parseLogoutResponse(peer, received.binding, request),
    );
    this.#idOf(parsed, 'response', '/saml/slo');
    return field(parsed, 'response', 'inResponseTo');
  }

  #toAcs(facts: ServiceProviderFacts): Parties {
    return {
      identityProvider: this.entityId,
      serviceProvider: facts.entityId,
      destination: facts.assertionConsumerService,
    };
  }

  #toSlo(facts: ServiceProviderFacts, binding: SamlBinding): Parties {
    return { ...this.#toAcs(facts), destination: facts.singleLogoutService[binding] };
  }

  async #respond(
    facts: ServiceProviderFacts,
    message: UnsignedMessage,
    signed: Signing,
    relayState: string,
  ): Promise<Outgoing> {
    const peer = serviceProviderEntity(facts, undefined, signed);
    const { context } = await this.#entity.createLoginResponse(
      peer,
      { extract: {} },
      'post',
      {},
      {
        relayState,
        customTagReplacement: () => message,
      },
    );
    return outgoing(facts.assertionConsumerService, 'post', 'SAMLResponse', context, relayState);
  }

  /** Parses with each of the service provider's certificates until a signature is good. */
  async #verified(
    received: ReceivedMessage,
    parameter: 'SAMLRequest' | 'SAMLResponse',
    parse: (
      peer: ReturnType<typeof serviceProviderEntity>,
      request: SamlifyRequest,
    ) => Promise<{ readonly samlContent: string; readonly extract: object }>,
  ) {
    const facts = await readServiceProvider(this.options.serviceProviderMetadataUrl);
    let refusal: unknown = new Error('the service provider publishes no certificate');
    for (const certificate of facts.certificates) {
      try {
        const { samlContent, extract } = await parse(
          serviceProviderEntity(facts, certificate, 'response'),
          samlifyRequest(received, parameter),
        );
        const parsed = extract as Readonly<Record<string, unknown>>;
        if (parsed['issuer'] !== facts.entityId) throw new Error('the Issuer is not the service provider');
        const relayState = new URLSearchParams(received.parameters).get('RelayState') ?? '';
        return { facts, content: samlContent, parsed, relayState };
      } catch (error) {
        refusal = error;
      }
    }
    throw new MessageRefused(refusal instanceof Error ? refusal.message : String(refusal), { cause: refusal });
  }

  #idOf(parsed: Readonly<Record<string, unknown>>, kind: 'request' | 'response', path: string): string {
    const destination = field(parsed, kind, 'destination');
    if (destination !== `${this.options.issuer}${path}`)
      throw new MessageRefused(`The Destination is not ${this.options.issuer}${path}`);
    const id = field(parsed, kind, 'id');
    if (id === undefined) throw new MessageRefused('The message has no ID');
    return id;
  }
}

interface SamlifyRequest {
  readonly query?: Record<string, string>;
  readonly body?: Record<string, string>;
  readonly octetString?: string;
}

/** Over Redirect the signature is over the bytes of the query as they were sent, in this order (bindings §3.4.4.1). */
function samlifyRequest({ binding, parameters }: ReceivedMessage, parameter: string): SamlifyRequest {
  const decoded = Object.fromEntries(new URLSearchParams(parameters));
  if (binding === 'post') return { body: decoded };
  const pairs = parameters.split('&');
  const signed = [parameter, 'RelayState', 'SigAlg'].flatMap((name) =>
    pairs.filter((pair) => pair.startsWith(`${name}=`)),
  );
  return { query: decoded, octetString: signed.join('&') };
}

function field(parsed: Readonly<Record<string, unknown>>, kind: string, name: string): string | undefined {
  const part = parsed[kind];
  const value: unknown = typeof part === 'object' && part !== null ? Reflect.get(part, name) : undefined;
  return typeof value === 'string' ? value : undefined;
}

const isTrue = (value: unknown): boolean => value === 'true' || value === '1';

function outgoing(
  destination: string,
  binding: SamlBinding,
  parameter: 'SAMLRequest' | 'SAMLResponse',
  context: string,
  relayState: string,
): Outgoing {
  if (binding === 'redirect') return { binding, location: context };
  const fields = { [parameter]: context, ...(relayState === '' ? {} : { RelayState: relayState }) };
  return { binding, destination, fields };
}

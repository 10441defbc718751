import { ServiceProvider, type ServiceProviderInstance } from 'samlify';
import { POST_BINDING, REDIRECT_BINDING } from './saml-xml.js';

/** What of a service provider's metadata counts here. */
export interface ServiceProviderFacts {
  readonly entityId: string;
  readonly assertionConsumerService: string;
  readonly singleLogoutService: Readonly<Record<SamlBinding, string>>;
  /** Base64 of DER; any of them may have signed. */
  readonly certificates: readonly string[];
}

export type SamlBinding = 'redirect' | 'post';

/** The service provider cannot be asked who it is, or does not say what is needed. Its message is for the developer. */
export class ServiceProviderUnknown extends Error {
  override readonly name = 'ServiceProviderUnknown';
}

/**
 * Reads the metadata of the one service provider, anew each time: a new key there works at once.
 * @throws ServiceProviderUnknown
 */
export async function readServiceProvider(metadataUrl: string): Promise<ServiceProviderFacts> {
  let xml: string;
  try {
    const answer = await fetch(metadataUrl, { redirect: 'error', signal: AbortSignal.timeout(5_000) });
    if (!answer.ok) throw new Error(`it answered ${answer.status}`);
    xml = await answer.text();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ServiceProviderUnknown(`The metadata at ${metadataUrl} cannot be read: ${reason}`, { cause: error });
  }
  try {
    const { entityMeta } = ServiceProvider({ metadata: xml });
    const certificates = [entityMeta.getX509Certificate('signing') as unknown].flat(3).filter(isText);
    return {
      entityId: one(entityMeta.getEntityID(), 'entityID'),
      assertionConsumerService: one(entityMeta.getAssertionConsumerService('post'), 'AssertionConsumerService (POST)'),
      singleLogoutService: {
        redirect: one(entityMeta.getSingleLogoutService('redirect'), 'SingleLogoutService (Redirect)'),
        post: one(entityMeta.getSingleLogoutService('post'), 'SingleLogoutService (POST)'),
      },
      certificates: certificates.map((certificate) => certificate.replaceAll(/\s/g, '')),
    };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ServiceProviderUnknown(`The metadata at ${metadataUrl} is not usable: ${reason}`, { cause: error });
  }
}

const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';

function one(value: unknown, what: string): string {
  if (!isText(value)) throw new Error(`it has not exactly one ${what}`);
  return value;
}

/**
 * The service provider as samlify wants it. `certificate`: the one to check its signatures with; samlify looks at the first
 * only, so during a rollover each is tried in an entity of its own. `signed`: which elements of a Response we sign.
 */
export function serviceProviderEntity(
  facts: ServiceProviderFacts,
  certificate: string | undefined,
  signed: 'response and assertion' | 'response',
): ServiceProviderInstance {
  return ServiceProvider({
    entityID: facts.entityId,
    authnRequestsSigned: true,
    wantAssertionsSigned: signed === 'response and assertion',
    wantMessageSigned: true,
    wantLogoutRequestSigned: true,
    wantLogoutResponseSigned: true,
    signingCert: certificate === undefined ? [] : [certificate],
    assertionConsumerService: [{ Binding: POST_BINDING, Location: facts.assertionConsumerService }],
    singleLogoutService: [
      { Binding: REDIRECT_BINDING, Location: facts.singleLogoutService.redirect },
      { Binding: POST_BINDING, Location: facts.singleLogoutService.post },
    ],
  });
}

import { randomBytes } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { CLOCK, type Clock, type SamlProviderConfig } from '@app/config';
import type { IdpDescription, SamlBinding } from '../metadata/idp-description.js';
import type { SamlSession } from '../sessions/saml-sessions.js';
import { SamlKeys } from '../sp/saml-keys.js';
import { encodeLogoutMessage, logoutRequestXml, logoutResponseXml, type OutgoingMessage } from './logout-messages.js';

/** Our provider record and what its metadata says now. */
export interface LogoutPeer {
  readonly provider: Pick<SamlProviderConfig, 'id' | 'entityId'>;
  readonly idp: IdpDescription;
}

/** The request that is answered. */
export interface AnsweredLogout {
  readonly requestId: string;
  readonly binding: SamlBinding;
  readonly relayState: string | undefined;
  readonly outcome: 'complete' | 'partial';
}

interface Destination {
  readonly binding: SamlBinding;
  readonly location: string;
}

/** How long an IdP may take to act on our request: the browser brings it at once. */
const REQUEST_LIFETIME_MS = 5 * 60_000;

/** Logout messages of ours, signed, for whichever binding the identity provider offers. */
@Injectable()
export class SamlLogoutMessages {
  constructor(
    private readonly keys: SamlKeys,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Whether the IdP can be asked to log somebody out. */
  isOffered(idp: IdpDescription): boolean {
    return requestDestination(idp) !== undefined;
  }

  /**
   * Asks the IdP to end a session everywhere, over Redirect where it offers that, else over POST. Undefined where it
   * offers neither. `requestId` is what its answer must name in InResponseTo.
   */
  request(
    { provider, idp }: LogoutPeer,
    session: Pick<SamlSession, 'nameId' | 'sessionIndexes'>,
    relayState: string,
  ): { readonly requestId: string; readonly message: OutgoingMessage } | undefined {
    const destination = requestDestination(idp);
    if (destination === undefined) return undefined;
    const now = this.clock();
    const requestId = newId();
    const xml = logoutRequestXml({
      id: requestId,
      issueInstant: now,
      notOnOrAfter: new Date(now.getTime() + REQUEST_LIFETIME_MS),
      issuer: provider.entityId,
      destination: destination.location,
      nameId: session.nameId,
      sessionIndexes: session.sessionIndexes,
    });
    return { requestId, message: this.encode('SAMLRequest', xml, destination, relayState) };
  }

  /**
   * Answers a LogoutRequest over the binding that it came by, or over the other where only that is offered. Undefined
   * where the IdP gave no address for answers.
   */
  response({ provider, idp }: LogoutPeer, answered: AnsweredLogout): OutgoingMessage | undefined {
    const destination = answerDestination(idp, answered.binding);
    if (destination === undefined) return undefined;
    const xml = logoutResponseXml({
      id: newId(),
      issueInstant: this.clock(),
      issuer: provider.entityId,
      destination: destination.location,
      inResponseTo: answered.requestId,
      outcome: answered.outcome,
    });
    return this.encode('SAMLResponse', xml, destination, answered.relayState);
  }

  private encode(
    parameter: 'SAMLRequest' | 'SAMLResponse',
    xml: string,
    { binding, location }: Destination,
    relayState: string | undefined,
  ): OutgoingMessage {
    return encodeLogoutMessage(binding, parameter, xml, location, relayState, this.keys.signing());
  }
}

/** 160 random bits; an ID begins with no digit (XML Schema 2 §3.3.8). */
function newId(): string {
  return `_${randomBytes(20).toString('hex')}`;
}

function requestDestination(idp: IdpDescription): Destination | undefined {
  return first(idp, 'redirect', 'request') ?? first(idp, 'post', 'request');
}

function answerDestination(idp: IdpDescription, binding: SamlBinding): Destination | undefined {
  return first(idp, binding, 'answer') ?? first(idp, binding === 'post' ? 'redirect' : 'post', 'answer');
}

/** Answers go to ResponseLocation where there is one (metadata §2.2.2). */
function first(idp: IdpDescription, binding: SamlBinding, use: 'request' | 'answer'): Destination | undefined {
  for (const endpoint of idp.singleLogout) {
    const location = use === 'answer' ? (endpoint.responseLocation ?? endpoint.location) : endpoint.location;
    if (endpoint.binding === binding && isWebAddress(location)) return { binding, location };
  }
  return undefined;
}

/** Metadata is a stranger's text, and a form's action must not become a script. */
function isWebAddress(location: string): boolean {
  return URL.canParse(location) && /^https?:$/.test(new URL(location).protocol);
}

import type { CheckName, LogoutJob, ResponseJob } from '@app/saml';
import { makeIdpKey, SigningIdp, type IdpKey, type ResponseOptions } from '../../harness/saml-idp.js';
import { EMAIL } from '../../harness/saml-idp-xml.js';

/** Who takes part in a case. Keys are made anew for every run; everything else, time included, is fixed. */
export interface World {
  readonly idp: SigningIdp;
  readonly ecIdp: SigningIdp;
  /** Says that it is `idp`, and has another key. */
  readonly impostor: SigningIdp;
  /** Ours: messages are encrypted to its certificate. */
  readonly spKey: IdpKey;
  /** An encryption key that is not ours. */
  readonly strangerKey: IdpKey;
}

export async function makeWorld(): Promise<World> {
  const [idp, ecIdp, impostor, spKey, strangerKey] = await Promise.all([
    SigningIdp.create({ entityId: IDP }),
    SigningIdp.create({ entityId: IDP, keyType: 'ec' }),
    SigningIdp.create({ entityId: IDP }),
    makeIdpKey({ commonName: 'sp.test' }),
    makeIdpKey({ commonName: 'stranger.test' }),
  ]);
  return { idp, ecIdp, impostor, spKey, strangerKey };
}

export const IDP = 'https://idp.test/metadata';
export const SP = 'https://sp.test/saml/corp/metadata';
export const ACS = 'https://sp.test/saml/acs';
export const SLO = 'https://sp.test/saml/slo';
export const NOW = new Date('2026-05-04T10:00:00.000Z');
export const REQUEST_ID = '_request-1';
export const SKEW_SECONDS = 120;
export const MAX_AGE_SECONDS = 600;

/** The person of every case unless it says otherwise. */
export const ALICE = {
  nameId: { value: 'alice@corp.test', format: EMAIL },
  attributes: { mail: 'alice@corp.test', groups: ['staff', 'ops'] },
} as const;

export const BASE: ResponseOptions = {
  now: NOW,
  acsUrl: ACS,
  audience: SP,
  inResponseTo: REQUEST_ID,
  assertion: ALICE,
};

/** What an operator may set for a provider, as far as it decides about a response. */
export interface ProviderRules {
  readonly wantAssertionsSigned: boolean;
  readonly wantEncryptedAssertions: boolean;
  readonly subjectAttributes: readonly string[];
}

/** Whom an accepted message names. */
export interface Identity {
  readonly nameId: string;
  readonly attributes: Readonly<Record<string, readonly string[]>>;
}

/** What must come out: taken, or refused with one of these as the first verdict that fails. */
export type Expected = 'accepted' | readonly CheckName[];

export interface ResponseCase {
  readonly kind: 'response';
  /** Names the fault (or, for what is accepted, the feature). */
  readonly name: string;
  readonly rule?: `R${number}`;
  readonly expected: Expected;
  /** Where node-saml and what surrounds it refuse with another verdict, or refuse what is valid; the reason stands there. */
  readonly nodeSaml?: Expected;
  /** The form field. */
  readonly make: (world: World) => string;
  readonly job?: (world: World) => Partial<ResponseJob>;
  readonly rules?: Partial<ProviderRules>;
  /** What it should answer; default: our request. */
  readonly answers?: 'our request' | 'nothing';
  /** Of an accepted one; default: Alice's. */
  readonly identity?: Identity;
}

export interface LogoutCase {
  readonly kind: 'logout';
  readonly name: string;
  readonly rule?: `R${number}`;
  readonly expected: Expected;
  readonly make: (world: World) => LogoutJob['message'];
  readonly job?: (world: World) => Partial<LogoutJob>;
  readonly nameId?: string;
}

/** The usual response with something changed. */
export function respond(world: World, changes: Partial<ResponseOptions> = {}): string {
  return world.idp.response({ ...BASE, ...changes }).xml;
}

export function base64(xml: string | Uint8Array): string {
  return Buffer.from(typeof xml === 'string' ? Buffer.from(xml, 'utf8') : xml).toString('base64');
}

/** Cases of responses from rows; `make` gives XML. */
export function rejecting(
  expected: readonly CheckName[],
  rows: Readonly<Record<string, (world: World) => string>>,
  more: Partial<ResponseCase> = {},
): ResponseCase[] {
  return Object.entries(rows).map(([name, make]) => ({
    kind: 'response',
    name,
    expected,
    make: (world) => base64(make(world)),
    ...more,
  }));
}

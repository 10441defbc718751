import { refuse, Refused } from './refused.js';

/** A message of the Redirect binding, still encoded as DEFLATE and base64. */
export interface RedirectMessage {
  readonly parameter: 'SAMLRequest' | 'SAMLResponse';
  readonly value: string;
  /** Under the signature like the message; undefined where the parameter is absent. */
  readonly relayState: string | undefined;
  /** Undefined where the parameter is absent or empty: then nobody signed it. */
  readonly signature: string | undefined;
  readonly signatureAlgorithm: string | undefined;
  /** What the signature is over: the received octets of the parameters, in the order of bindings §3.4.4.1. */
  readonly signedText: string;
}

const NAMES = ['SAMLRequest', 'SAMLResponse', 'RelayState', 'SigAlg', 'Signature', 'SAMLEncoding'] as const;
type Name = (typeof NAMES)[number];
const DEFLATE = 'urn:oasis:names:tc:SAML:2.0:bindings:URL-Encoding:DEFLATE';
/** More than any HTTP server takes as a request line. */
const LONGEST_QUERY = 128 * 1024;

interface Parameter {
  readonly raw: string;
  readonly value: string;
}

/**
 * Reads the query once, for the signature and for the message: what is verified is what is read. A parameter that is there
 * twice, in whatever spelling, is refused, for one reader would take the first and another the last.
 */
export function readRedirectQuery(query: string): RedirectMessage {
  if (query.length > LONGEST_QUERY) refuse('size', `a query of at most ${LONGEST_QUERY} characters`, 'more');
  const found = parametersOf(query);
  const request = found.get('SAMLRequest');
  const response = found.get('SAMLResponse');
  if (request !== undefined && response !== undefined) {
    refuse('repeated-parameter', 'SAMLRequest or SAMLResponse', 'both');
  }
  const message = request ?? response;
  if (message === undefined) return refuse('encoding', 'SAMLRequest or SAMLResponse', 'neither');
  const encoding = found.get('SAMLEncoding');
  if (encoding !== undefined && encoding.value !== DEFLATE) refuse('encoding', DEFLATE, 'another SAMLEncoding');
  const parameter = request === undefined ? 'SAMLResponse' : 'SAMLRequest';
  const signed = [[parameter, message] as const, pair(found, 'RelayState'), pair(found, 'SigAlg')];
  return {
    parameter,
    value: message.value,
    relayState: found.get('RelayState')?.value,
    signature: found.get('Signature')?.value || undefined,
    signatureAlgorithm: found.get('SigAlg')?.value || undefined,
    signedText: signed.flatMap((entry) => (entry === undefined ? [] : [`${entry[0]}=${entry[1].raw}`])).join('&'),
  };
}

/** {@link readRedirectQuery} for who hands the query on to the verifier, which tells why: undefined where it is refused. */
export function relayedByQuery(query: string): Pick<RedirectMessage, 'parameter' | 'relayState'> | undefined {
  try {
    const { parameter, relayState } = readRedirectQuery(query);
    return { parameter, relayState };
  } catch (error) {
    if (error instanceof Refused) return undefined;
    throw error;
  }
}

function pair(found: ReadonlyMap<Name, Parameter>, name: Name): readonly [Name, Parameter] | undefined {
  const parameter = found.get(name);
  return parameter === undefined ? undefined : [name, parameter];
}

function parametersOf(query: string): Map<Name, Parameter> {
  const found = new Map<Name, Parameter>();
  for (const part of query.split('&')) {
    const equals = part.indexOf('=');
    const rawName = equals === -1 ? part : part.slice(0, equals);
    const plainName = decode(rawName);
    // `/saml/slo??RelayState=`: readers that strip one more question mark would see a parameter that nobody signed.
    if (plainName?.startsWith('?')) refuse('encoding', 'names of parameters', 'one that begins with a question mark');
    const name = NAMES.find((known) => known === plainName);
    if (name === undefined) continue;
    if (found.has(name)) refuse('repeated-parameter', `${name} once`, 'more often');
    // The text to verify is put together with the plain name: a spelling like %53AMLRequest was signed by nobody.
    if (rawName !== name) refuse('encoding', `the parameter ${name} by its plain name`, 'percent-encoding in it');
    const raw = equals === -1 ? '' : part.slice(equals + 1);
    const value = decode(raw);
    if (value === undefined) return refuse('encoding', 'percent-encoded UTF-8', `something else in ${name}`);
    found.set(name, { raw, value });
  }
  return found;
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return undefined;
  }
}

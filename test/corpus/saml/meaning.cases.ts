/** Rightly signed messages that say the wrong thing (R9, R10): each with one fault. */
import { after, SUCCESS, TRANSIENT, type ConfirmationParts } from '../../harness/saml-idp-xml.js';
import type { AssertionParts, ResponseOptions, ResponseParts } from '../../harness/saml-idp.js';
import {
  ACS,
  ALICE,
  MAX_AGE_SECONDS,
  NOW,
  REQUEST_ID,
  rejecting,
  respond,
  SKEW_SECONDS,
  SP,
  type ResponseCase,
  type World,
} from './world.js';

const TOO_LATE = after(NOW, -SKEW_SECONDS - 1);
const TOO_EARLY = after(NOW, SKEW_SECONDS + 1);
const TOO_OLD = after(NOW, -MAX_AGE_SECONDS - SKEW_SECONDS - 1);
const RESPONDER = 'urn:oasis:names:tc:SAML:2.0:status:Responder';
const AUTHN_FAILED = 'urn:oasis:names:tc:SAML:2.0:status:AuthnFailed';

const assertion = (changes: AssertionParts) => (world: World) =>
  respond(world, { assertion: { ...ALICE, ...changes } });
/** Of a response that is signed, so that nothing but its meaning can be wrong. */
const response = (changes: NonNullable<ResponseParts['response']>) => (world: World) =>
  respond(world, { sign: 'response', response: changes });
const confirmed = (...confirmations: ConfirmationParts[]) => assertion({ confirmations });
const signed = (changes: Partial<ResponseOptions>) => (world: World) => respond(world, changes);
const edited = (edit: (xml: string) => string) => (world: World) => respond(world, { edit: { assertion: edit } });

const conditions = [
  ...rejecting(['audience'], {
    'audience of somebody else': assertion({ conditions: { audiences: [['https://other.test']] } }),
    'no AudienceRestriction': assertion({ conditions: { audiences: [] } }),
    'AudienceRestriction without Audience': assertion({ conditions: { audiences: [[]] } }),
    'empty Audience': assertion({ conditions: { audiences: [['']] } }),
    'audience that begins like ours': assertion({ conditions: { audiences: [[`${SP}/`]] } }),
    'audience in other letters': assertion({ conditions: { audiences: [[SP.toUpperCase()]] } }),
    'two AudienceRestrictions, one without us': assertion({
      conditions: { audiences: [[SP], ['https://other.test']] },
    }),
  }),
  ...rejecting(['not-on-or-after'], {
    'conditions expired': assertion({ conditions: { notOnOrAfter: TOO_LATE } }),
    'conditions expired at this instant, skew included': assertion({
      conditions: { notOnOrAfter: after(NOW, -SKEW_SECONDS) },
    }),
    'conditions without NotOnOrAfter': assertion({ conditions: { notOnOrAfter: null } }),
    'NotOnOrAfter is no time': assertion({ conditions: { notOnOrAfter: 'tomorrow' } }),
    'NotOnOrAfter on 31 February': assertion({ conditions: { notOnOrAfter: '2027-02-31T00:00:00Z' } }),
  }),
  ...rejecting(['not-before'], {
    'conditions not yet valid': assertion({ conditions: { notBefore: TOO_EARLY } }),
    'conditions without NotBefore': assertion({ conditions: { notBefore: null } }),
    'NotBefore is no time': assertion({ conditions: { notBefore: '' } }),
  }),
  ...rejecting(['not-before', 'not-on-or-after', 'audience'], { 'no Conditions': assertion({ conditions: null }) }),
  ...rejecting(['unknown-condition'], {
    'unknown condition': assertion({
      conditions: {
        extra: '<saml:Condition xmlns:x="urn:x" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="x:Y"/>',
      },
    }),
    'condition in a foreign namespace': assertion({ conditions: { extra: '<x:OnlyOnSundays xmlns:x="urn:x"/>' } }),
  }),
];

const confirmations = [
  ...rejecting(['recipient'], {
    'recipient is somebody else': confirmed({ recipient: 'https://other.test/acs' }),
    'no recipient': confirmed({ recipient: null }),
    'recipient with a query': confirmed({ recipient: `${ACS}?x` }),
  }),
  ...rejecting(['confirmation-not-on-or-after'], {
    'confirmation expired': confirmed({ notOnOrAfter: TOO_LATE }),
    'confirmation without NotOnOrAfter': confirmed({ notOnOrAfter: null }),
  }),
  ...rejecting(['confirmation-not-before'], { 'confirmation not yet valid': confirmed({ notBefore: TOO_EARLY }) }),
  ...rejecting(['subject-confirmation'], {
    'no SubjectConfirmation': confirmed(),
    'confirmation by sender-vouches': confirmed({ method: 'urn:oasis:names:tc:SAML:2.0:cm:sender-vouches' }),
    'confirmation by holder-of-key': confirmed({ method: 'urn:oasis:names:tc:SAML:2.0:cm:holder-of-key' }),
  }),
  ...rejecting(['subject-confirmation', 'recipient', 'confirmation-not-on-or-after', 'in-response-to'], {
    'SubjectConfirmation without data': edited((xml) => xml.replace(/<saml:SubjectConfirmationData[^>]*>/, '')),
    'two confirmations, each with a fault': confirmed({ recipient: 'https://other.test' }, { notOnOrAfter: TOO_LATE }),
    'fault of a bearer hidden by a good confirmation of another method': confirmed(
      { recipient: 'https://other.test' },
      { method: 'urn:oasis:names:tc:SAML:2.0:cm:sender-vouches' },
    ),
  }),
];

const requests = rejecting(['in-response-to'], {
  'InResponseTo nowhere': signed({ inResponseTo: undefined, sign: 'both' }),
  'InResponseTo of another request': signed({ inResponseTo: '_other' }),
  'InResponseTo of another request in the response': response({ inResponseTo: '_other' }),
  'InResponseTo only in the response': confirmed({ inResponseTo: null }),
  'InResponseTo only in the assertion, response signed': response({ inResponseTo: null }),
  'InResponseTo cut off an unsigned response': (world) => respond(world).replace(' InResponseTo="_request-1"', ''),
  'InResponseTo of another request in the assertion': confirmed({ inResponseTo: '_other' }),
  'InResponseTo empty': signed({ inResponseTo: '' }),
});

const unsolicited = rejecting(['in-response-to'], {
  'answer to a request, where none was made': (world) => respond(world, { sign: 'both' }),
  'answer to a request in the response only, where none was made': (world) =>
    respond(world, { sign: 'both', inResponseTo: undefined, response: { inResponseTo: REQUEST_ID } }),
  'answer to a request in the assertion only, where none was made': (world) =>
    respond(world, { sign: 'both', response: { inResponseTo: null } }),
}).map((row): ResponseCase => ({ ...row, answers: 'nothing' }));

/** By its local name everything is there. */
const foreign = [
  ...rejecting(['recipient'], {
    'Recipient in a foreign namespace': edited((xml) => xml.replace(' Recipient=', ' xmlns:x="urn:x" x:Recipient=')),
  }),
  ...rejecting(['in-response-to'], {
    'InResponseTo in a foreign namespace': edited((xml) =>
      xml.replace(' InResponseTo=', ' xmlns:x="urn:x" x:InResponseTo='),
    ),
  }),
  ...rejecting(['not-on-or-after'], {
    'NotOnOrAfter in a foreign namespace': edited((xml) =>
      xml.replace(/(<saml:Conditions[^>]*) NotOnOrAfter=/, '$1 xmlns:x="urn:x" x:NotOnOrAfter='),
    ),
  }),
  ...rejecting(['destination'], {
    'Destination in a foreign namespace': (world) =>
      respond(world, {
        sign: 'response',
        edit: { response: (xml) => xml.replace(' Destination=', ' xmlns:x="urn:x" x:Destination=') },
      }),
  }),
  ...rejecting(['audience'], {
    'Audience in a foreign namespace': edited((xml) =>
      xml.replace('<saml:Audience>', '<x:Audience xmlns:x="urn:x">').replace('</saml:Audience>', '</x:Audience>'),
    ),
  }),
  ...rejecting(['not-before', 'not-on-or-after', 'audience'], {
    'Conditions in a foreign namespace': edited((xml) =>
      xml
        .replace('<saml:Conditions ', '<x:Conditions xmlns:x="urn:x" ')
        .replace('</saml:Conditions>', '</x:Conditions>'),
    ),
  }),
  ...rejecting(['assertion-issuer'], {
    'Issuer of the assertion in a foreign namespace': (world) =>
      respond(world, {
        sign: 'response',
        edit: {
          assertion: (xml) =>
            xml.replace('<saml:Issuer>', '<x:Issuer xmlns:x="urn:x">').replace('</saml:Issuer>', '</x:Issuer>'),
        },
      }),
  }),
  ...rejecting(['status'], {
    'StatusCode in a foreign namespace': (world) =>
      respond(world, {
        sign: 'response',
        edit: { response: (xml) => xml.replace('<samlp:StatusCode ', '<x:StatusCode xmlns:x="urn:x" ') },
      }),
  }),
];

/** Which one is meant? */
const doubled = rejecting(['well-formed', 'status'], {
  'two Subjects': edited((xml) => xml.replace(/<saml:Subject>.*<\/saml:Subject>/, '$&$&')),
  'two Conditions': edited((xml) => xml.replace(/<saml:Conditions.*<\/saml:Conditions>/, '$&$&')),
  'two Issuers of the assertion': edited((xml) => xml.replace(/<saml:Issuer>.*?<\/saml:Issuer>/, '$&$&')),
  'two Issuers of the response': (world) =>
    respond(world, {
      sign: 'response',
      edit: { response: (xml) => xml.replace(/<saml:Issuer>.*?<\/saml:Issuer>/, '$&<saml:Issuer>x</saml:Issuer>') },
    }),
  'two Statuses': (world) =>
    respond(world, {
      sign: 'response',
      edit: { response: (xml) => xml.replace(/<samlp:Status>.*<\/samlp:Status>/, '$&$&') },
    }),
  'two StatusCodes side by side': (world) =>
    respond(world, {
      sign: 'response',
      edit: { response: (xml) => xml.replace(/<samlp:StatusCode [^>]*>/, '$&$&') },
    }),
  'two SubjectConfirmationData': edited((xml) => xml.replace(/<saml:SubjectConfirmationData[^>]*>/, '$&$&')),
});

const envelope = [
  ...rejecting(['destination'], {
    'destination is somebody else': response({ destination: 'https://other.test/acs' }),
    'no destination in a signed response': response({ destination: null }),
    'destination with a slash more': response({ destination: `${ACS}/` }),
    'destination is somebody else in an unsigned response': (world) =>
      respond(world, { response: { destination: 'https://other.test' } }),
  }),
  ...rejecting(['response-issuer'], {
    'response of another issuer': response({ issuer: 'https://evil.test' }),
    'signed response without issuer': response({ issuer: null }),
    'unsigned response of another issuer': (world) => respond(world, { response: { issuer: 'https://evil.test' } }),
    'empty issuer of the response': response({ issuer: '' }),
  }),
  ...rejecting(['assertion-issuer'], {
    'assertion of another issuer': assertion({ issuer: 'https://evil.test' }),
    'issuer with a space': assertion({ issuer: 'https://idp.test/meta data' }),
    'issuer in other letters': assertion({ issuer: 'https://IDP.test/metadata' }),
  }),
  ...rejecting(['status'], {
    'status Responder with a good assertion': response({ status: [RESPONDER] }),
    'status Responder around Success': response({ status: [RESPONDER, SUCCESS] }),
    'status Responder around AuthnFailed': response({ status: [RESPONDER, AUTHN_FAILED] }),
    'no status': response({ status: null }),
    'status without a value': response({ status: [''] }),
    'status Success of another vocabulary': response({ status: ['samlp:Success'] }),
    'refusal of the IdP, signed': (world) =>
      respond(world, { sign: 'response', assertion: null, response: { status: [RESPONDER, AUTHN_FAILED] } }),
  }),
  ...rejecting(['one-assertion'], {
    'success without assertion': (world) => respond(world, { sign: 'response', assertion: null }),
  }),
  ...rejecting(['version'], {
    'response of version 1.1': response({ version: '1.1' }),
    'response without version': response({ version: null }),
    'assertion of version 1.1': assertion({ version: '1.1' }),
    'assertion without version': assertion({ version: null }),
  }),
  ...rejecting(['issue-instant'], {
    'response a month old': response({ issueInstant: after(NOW, -30 * 86_400) }),
    'assertion too old': assertion({ issueInstant: TOO_OLD }),
    'assertion from the future': assertion({ issueInstant: TOO_EARLY }),
    'assertion without IssueInstant': assertion({ issueInstant: null }),
    'IssueInstant with an offset': assertion({ issueInstant: '2026-05-04T12:00:00+02:00' }),
  }),
];

const statements = [
  ...rejecting(['authn-statement'], {
    'no AuthnStatement': assertion({ authn: null }),
    'authenticated in the future': assertion({ authn: { authnInstant: TOO_EARLY } }),
    'no AuthnInstant': assertion({ authn: { authnInstant: null } }),
  }),
  ...rejecting(['session-not-on-or-after'], {
    'session at the IdP is over': assertion({ authn: { sessionNotOnOrAfter: TOO_LATE } }),
    'SessionNotOnOrAfter is no time': assertion({ authn: { sessionNotOnOrAfter: 'never' } }),
  }),
];

const names = [
  ...rejecting(['name-id', 'subject', 'well-formed'], {
    'NameID empty': assertion({ nameId: { value: '' } }),
    'NameID of white space': assertion({ nameId: { value: ' \n ' } }),
    'two NameIDs': assertion({ nameId: [{ value: 'alice@corp.test' }, { value: 'mallory@corp.test' }] }),
    'no NameID': assertion({ nameId: null }),
    'no NameID, but an attribute named nameID': assertion({
      nameId: null,
      attributes: { nameID: 'admin@corp.test', NameID: 'admin' },
    }),
    'element inside NameID': edited((xml) =>
      xml.replace('alice@corp.test</saml:NameID>', 'alice<saml:x/>@corp.test</saml:NameID>'),
    ),
  }),
  ...rejecting(['name-id', 'subject', 'subject-confirmation'], {
    'no Subject': edited((xml) => xml.replace(/<saml:Subject>.*<\/saml:Subject>/, '')),
  }),
  ...rejecting(['name-id', 'subject'], {
    'carriage return in NameID': assertion({ nameId: 'alice\r@corp.test' }),
    'NameID of 20,000 characters': assertion({ nameId: 'a'.repeat(20_000) }),
  }),
  ...rejecting(['subject'], {
    'transient NameID and no stable attribute': assertion({ nameId: { value: '_t', format: TRANSIENT } }),
  }),
];

const protection = rejecting(['signature-present'], {
  'only the response signed where the assertion must be': (world) => respond(world, { sign: 'response' }),
}).map((row): ResponseCase => ({ ...row, rules: { wantAssertionsSigned: true } }));

export const meaningCases: readonly ResponseCase[] = [
  ...[
    ...conditions,
    ...confirmations,
    ...requests,
    ...unsolicited,
    ...foreign,
    ...doubled,
    ...envelope,
    ...statements,
  ].map((row): ResponseCase => ({
    ...row,
    rule: 'R9',
  })),
  ...names,
  ...protection,
];

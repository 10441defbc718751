/**
 * What attributes are called where a provider's record names none, the surest name first: the formal name (an OID of the
 * X.500 profile, or the claim URI of Entra ID and AD FS), then what people write who have no formal name.
 */
const CLAIMS = 'http://schemas.xmlsoap.org/ws/2005/05/identity/claims';
const MICROSOFT = 'http://schemas.microsoft.com';

export const EMAIL_NAMES = [
  'urn:oid:0.9.2342.19200300.100.1.3',
  `${CLAIMS}/emailaddress`,
  'mail',
  'email',
  'emailAddress',
  'urn:mace:dir:attribute-def:mail',
] as const;

export const DISPLAY_NAMES = [
  'urn:oid:2.16.840.1.113730.3.1.241',
  `${MICROSOFT}/identity/claims/displayname`,
  'displayName',
  'display_name',
  'urn:mace:dir:attribute-def:displayName',
  // Common name. In AD FS and Entra ID `claims/name` is the login name, so it comes after all that is made for people.
  'urn:oid:2.5.4.3',
  'cn',
  'urn:mace:dir:attribute-def:cn',
] as const;

export const GIVEN_NAMES = [
  'urn:oid:2.5.4.42',
  `${CLAIMS}/givenname`,
  'givenName',
  'firstName',
  'given_name',
  'urn:mace:dir:attribute-def:givenName',
] as const;

export const SURNAMES = [
  'urn:oid:2.5.4.4',
  `${CLAIMS}/surname`,
  'sn',
  'surname',
  'lastName',
  'family_name',
  'urn:mace:dir:attribute-def:sn',
] as const;

export const LOGIN_NAMES = [`${CLAIMS}/name`, 'name'] as const;

export const GROUP_NAMES = [
  'urn:oid:1.3.6.1.4.1.5923.1.5.1.1',
  `${MICROSOFT}/ws/2008/06/identity/claims/groups`,
  'http://schemas.xmlsoap.org/claims/Group',
  'isMemberOf',
  'memberOf',
  'groups',
  'Groups',
  'group',
] as const;

/** Where Entra ID puts a link instead of the groups when there are too many of them for its token. */
export const GROUPS_LINK = `${MICROSOFT}/claims/groups.link`;

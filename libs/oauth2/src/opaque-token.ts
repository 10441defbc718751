import { hash, randomBytes, timingSafeEqual } from 'node:crypto';
import { crc32 } from 'node:zlib';

/**
 * Kinds of opaque token (D45): refresh token, authorization code, set-up link, API key, secret of a service token, secret
 * of an application, a browser's session, device code.
 */
export type OpaqueTokenKind = 'rt' | 'ac' | 'su' | 'ak' | 'st' | 'as' | 'bs' | 'dc';

const SHAPE = /^gth_([a-z]{2})_([A-Za-z0-9_-]{43})([A-Za-z0-9_-]{6})$/;

function checksum(body: string): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(crc32(body));
  return bytes.toString('base64url');
}

/** `gth_{kind}_` + 256 random bits in base64url + CRC32 (D45). The checksum lets scanners and us tell a typo from a guess. */
export function mintOpaqueToken(kind: OpaqueTokenKind, random: (bytes: number) => Buffer = randomBytes): string {
  const body = `gth_${kind}_${random(32).toString('base64url')}`;
  return body + checksum(body);
}

/** Says whether the text is a well-formed token of that kind, without asking any store. */
export function isOpaqueToken(text: string, kind: OpaqueTokenKind): boolean {
  const match = SHAPE.exec(text);
  return match !== null && match[1] === kind && checksum(text.slice(0, -6)) === match[3];
}

/** What is stored in a token's place: its SHA-256. 256 random bits need no slow hash. */
export function hashOpaqueToken(token: string): Buffer {
  return hash('sha256', token, 'buffer');
}

/** Compares two secrets by their hashes in constant time, whatever their lengths. */
export function secretMatches(presented: string, storedHash: Buffer): boolean {
  const presentedHash = hash('sha256', presented, 'buffer');
  return storedHash.length === presentedHash.length && timingSafeEqual(presentedHash, storedHash);
}

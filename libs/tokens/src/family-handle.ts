import { hash, randomBytes } from 'node:crypto';
import { mintOpaqueToken } from '@app/oauth2';

/** Of the 32 random bytes of a refresh token the first half is its family's handle; the other half is its own. */
const HANDLE_BYTES = 16;
const PREFIX = 'gth_rt_';
const BODY_CHARACTERS = 43;

function handleOf(token: string): Buffer {
  return Buffer.from(token.slice(PREFIX.length, PREFIX.length + BODY_CHARACTERS), 'base64url').subarray(
    0,
    HANDLE_BYTES,
  );
}

/** What a family is found by: the SHA-256 of the handle that all its tokens share. `token` is well-formed. */
export function handleHashOf(token: string): Buffer {
  return hash('sha256', handleOf(token), 'buffer');
}

/** The next token of the family: the same handle, and 128 random bits that nobody has seen. */
export function mintSuccessor(token: string): string {
  return mintOpaqueToken('rt', (bytes) => Buffer.concat([handleOf(token), randomBytes(bytes - HANDLE_BYTES)]));
}

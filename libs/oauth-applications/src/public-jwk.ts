import { isVerificationKey, VERIFICATION_KEYS } from '@app/oauth2';
import { z } from 'zod';
import { line } from './text-fields.js';

const member = z.union([line(8000), z.array(line(8000)).max(10), z.boolean(), z.number()]);

/** A JWK that a signature can be verified with (RFC 7517). That it holds nothing private, the rules of clients say. */
export const publicJwk = z.record(line(100), member).refine(isVerificationKey, `must be ${VERIFICATION_KEYS}`);

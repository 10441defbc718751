/**
 * keys: what Gatehouse signs with, and the box that seals secrets at rest.
 *
 * Owns: the table `signing_keys`, key rotation (D40), signing and verifying our own JWTs, the content of the JWKS, the
 * master keys and how they are replaced, the command `keys:rotate`.
 * Does not own: which claims a token has, revocation, the keys of other issuers.
 * Routes: none; `tokens` serves the JWKS.
 */
export { InvalidToken, type InvalidTokenCode } from './invalid-token.js';
export { ANY_AUDIENCE } from './jwt-verifier.js';
export type { TokenExpectation, VerifiedPayload } from './jwt-verifier.js';
export type { Jwks } from './key-ring.js';
export { KeyRotation } from './key-rotation.js';
export { rotateKeys } from './keys-rotate.js';
export { KeysModule } from './keys.module.js';
export { MissingMasterKeys, requireMasterKeys } from './missing-master-keys.js';
export { resealTable, type TableReseal } from './reseal-table.js';
export { SealedSigningKeys } from './sealed-signing-keys.js';
export { needsOf, SEALED_TABLES, type MasterKeyNeed, type SealedRow, type SealedTable } from './sealed-table.js';
export { SealedTablesModule } from './sealed-tables.module.js';
export { CannotOpen, SecretBox, type CannotOpenReason } from './secret-box.js';
export type { KeyPurpose, KeyRecord, PublicJwk, SigningAlgorithm } from './signing-key.js';
export type { RotationReport } from './signing-key.repository.js';
export { SigningKeys, type JwksCaching, type SignOptions } from './signing-keys.js';
export type { TokenType } from './token-type.js';

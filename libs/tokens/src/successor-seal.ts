import { createCipheriv, createDecipheriv, createHmac, randomBytes } from 'node:crypto';

/**
 * Keeps a successor refresh token for those who hold its predecessor, and for nobody else, not even for who reads the
 * database (D13): AES-256-GCM under a key derived from the predecessor, whose 256 random bits make one HMAC enough of a
 * derivation.
 */
function keyFrom(predecessor: string): Buffer {
  return createHmac('sha256', predecessor).update('gatehouse refresh successor v1').digest();
}

/** nonce (12) ‖ tag (16) ‖ ciphertext. */
export function sealSuccessor(successor: string, predecessor: string): Buffer {
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', keyFrom(predecessor), nonce);
  const ciphertext = Buffer.concat([cipher.update(successor, 'ascii'), cipher.final()]);
  return Buffer.concat([nonce, cipher.getAuthTag(), ciphertext]);
}

/** @throws when `sealed` was not made for this predecessor. */
export function openSuccessor(sealed: Buffer, predecessor: string): string {
  const decipher = createDecipheriv('aes-256-gcm', keyFrom(predecessor), sealed.subarray(0, 12), { authTagLength: 16 });
  decipher.setAuthTag(sealed.subarray(12, 28));
  return Buffer.concat([decipher.update(sealed.subarray(28)), decipher.final()]).toString('ascii');
}

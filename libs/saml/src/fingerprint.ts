import { createHash } from 'node:crypto';

/** SHA-256 of a certificate, in hex: how logs, the audit and administrators name it. @param certificate DER, or base64 of it */
export function fingerprintOf(certificate: Buffer | string): string {
  const der = typeof certificate === 'string' ? Buffer.from(certificate, 'base64') : certificate;
  return createHash('sha256').update(der).digest('hex');
}

import { createPrivateKey, X509Certificate } from 'node:crypto';
import { fingerprintOf } from '../fingerprint.js';
import { generateSamlKey, requireMatch } from './sp-certificate.js';

describe('our SAML certificate', () => {
  const now = new Date('2026-01-01T00:00:00Z');
  const notAfter = new Date('2027-03-01T00:00:00Z');

  it('is RSA, self-signed with SHA-256, valid from a little before now, and belongs to its key', async () => {
    const key = await generateSamlKey('login.example.com', now, notAfter);
    const der = Buffer.from(key.certificate, 'base64');
    const certificate = new X509Certificate(der);
    expect(certificate.subject).toBe('CN=login.example.com');
    expect(certificate.issuer).toBe(certificate.subject);
    expect(certificate.verify(certificate.publicKey)).toBe(true);
    expect(certificate.publicKey.asymmetricKeyDetails).toMatchObject({ modulusLength: 2048 });
    expect(new Date(certificate.validFrom)).toEqual(new Date('2025-12-31T23:00:00Z'));
    expect(new Date(certificate.validTo)).toEqual(notAfter);
    expect(certificate.fingerprint256.replaceAll(':', '').toLowerCase()).toBe(key.id);
    expect(fingerprintOf(key.certificate)).toBe(key.id);
    const privateKey = createPrivateKey({ key: key.privateKey, format: 'der', type: 'pkcs8' });
    expect(() => requireMatch(key.certificate, privateKey)).not.toThrow();
  });

  it('takes any name without letting it change the structure, and is told from a stranger’s key', async () => {
    const key = await generateSamlKey(`a+OU=x,O="y"\\${'z'.repeat(80)}`, now, notAfter);
    const certificate = new X509Certificate(Buffer.from(key.certificate, 'base64'));
    expect(certificate.subject).toMatch(/^CN=/);
    expect(certificate.subject).not.toContain('\n');
    const other = await generateSamlKey('other', now, notAfter);
    const foreign = createPrivateKey({ key: other.privateKey, format: 'der', type: 'pkcs8' });
    expect(() => requireMatch(key.certificate, foreign)).toThrow('does not belong');
  });
});

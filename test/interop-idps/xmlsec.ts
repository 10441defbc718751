import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const PROTOCOL = 'urn:oasis:names:tc:SAML:2.0:protocol';
const ASSERTION = 'urn:oasis:names:tc:SAML:2.0:assertion';

/**
 * What xmlsec1 says about a signed message: the signature of its outermost signed element holds under the key of this
 * certificate (base64 DER), whatever key the message itself brings.
 */
export function verifyWithXmlsec(xml: string, certificate: string): boolean {
  const folder = mkdtempSync(join(tmpdir(), 'gth-xmlsec-'));
  try {
    const [message, key] = [join(folder, 'message.xml'), join(folder, 'idp.crt')];
    writeFileSync(message, xml);
    const lines = certificate.match(/.{1,64}/g) ?? [];
    writeFileSync(key, `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`);
    const ids = ['Response', 'LogoutRequest', 'LogoutResponse'].flatMap((name) => [
      '--id-attr:ID',
      `${PROTOCOL}:${name}`,
    ]);
    const trust = ['--enabled-key-data', 'raw-x509-cert', '--pubkey-cert-pem', key];
    const args = ['--verify', ...trust, ...ids, '--id-attr:ID', `${ASSERTION}:Assertion`, message];
    return spawnSync('xmlsec1', args, { stdio: 'pipe' }).status === 0;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

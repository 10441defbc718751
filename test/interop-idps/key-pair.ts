import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Files of an RSA key and of the certificate that it signed itself, both PEM. */
export interface KeyPairFiles {
  readonly key: string;
  readonly certificate: string;
}

/** Lets openssl make an RSA key with a certificate of a year, as an operator of an IdP would. */
export function makeKeyPair(folder: string, name: string): KeyPairFiles {
  const files = { key: join(folder, `${name}.key`), certificate: join(folder, `${name}.crt`) };
  const subject = ['-subj', `/CN=${name}`, '-days', '365'];
  const output = ['-keyout', files.key, '-out', files.certificate];
  execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', ...subject, ...output], { stdio: 'pipe' });
  return files;
}

/** A certificate as metadata writes it. */
export function base64Of(certificateFile: string): string {
  return readFileSync(certificateFile, 'utf8').replace(/-----[A-Z ]+-----|\s/g, '');
}

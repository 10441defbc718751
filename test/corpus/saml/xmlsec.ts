import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { toPem } from '../../harness/saml-idp.js';
import { SAML, SAMLP } from '../../harness/saml-idp-xml.js';

const IDS = ['--id-attr:ID', `${SAMLP}:Response`, '--id-attr:ID', `${SAML}:Assertion`];
const ENCRYPTED_KEYS = ['--id-attr:Id', 'http://www.w3.org/2001/04/xmlenc#:EncryptedKey'];
const SIGNATURES = {
  response: "/*[local-name()='Response']/*[local-name()='Signature']",
  assertion: "//*[local-name()='Assertion']/*[local-name()='Signature']",
};

/** xmlsec1 of the system: a judge of signatures that shares nothing with ours nor with node's libraries. */
export class XmlSec {
  private readonly directory = mkdtempSync(join(tmpdir(), 'xmlsec-'));

  static available(): boolean {
    return spawnSync('xmlsec1', ['--version']).status === 0;
  }

  close(): void {
    rmSync(this.directory, { recursive: true });
  }

  /** Whether one of the certificates verifies this signature; undefined: there is no such signature. */
  verifies(which: keyof typeof SIGNATURES, xml: string, certificates: readonly string[]): boolean | undefined {
    if (!has(xml, which)) return undefined;
    const file = this.write('message.xml', xml);
    return certificates.some((certificate) => {
      const key = ['--pubkey-cert-pem', this.write('certificate.pem', toPem('CERTIFICATE', certificate))];
      const only = ['--enabled-key-data', 'key-name', '--node-xpath', SIGNATURES[which]];
      return this.run(['--verify', ...key, ...only, ...IDS, file]).ok;
    });
  }

  /** The document with its EncryptedData replaced by what was in it; undefined where xmlsec1 cannot. */
  decrypt(xml: string, privateKey: string): string | undefined {
    const key = ['--privkey-pem', this.write('key.pem', privateKey)];
    const { ok, output } = this.run(['--decrypt', ...key, ...ENCRYPTED_KEYS, this.write('encrypted.xml', xml)]);
    return ok ? output : undefined;
  }

  private run(args: readonly string[]): { ok: boolean; output: string } {
    const { status, stdout, stderr } = spawnSync('xmlsec1', args, { encoding: 'utf8' });
    return { ok: status === 0, output: status === 0 ? stdout : stderr };
  }

  private write(name: string, content: string): string {
    const file = join(this.directory, name);
    writeFileSync(file, content);
    return file;
  }
}

function has(xml: string, which: keyof typeof SIGNATURES): boolean {
  const assertionAt = xml.search(/<(?:\w+:)?(?:Encrypted)?Assertion[\s>]/);
  const [before, inside] = assertionAt === -1 ? [xml, ''] : [xml.slice(0, assertionAt), xml.slice(assertionAt)];
  return /<(?:\w+:)?Signature[\s>]/.test(which === 'response' ? before : inside);
}

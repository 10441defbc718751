import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

const PYTHON = '/usr/bin/python3';
const succeeds = (program: string, args: readonly string[]): boolean =>
  spawnSync(program, args, { stdio: 'ignore' }).status === 0;

/** What a suite needs beside npm's packages: the Debian package, and whether it is there. */
const PROBES: Readonly<Record<string, () => boolean>> = {
  openssl: () => succeeds('openssl', ['version']),
  simplesamlphp: () => existsSync('/usr/share/simplesamlphp/www/saml2/idp/SSOService.php'),
  'php-cli': () => succeeds('php', ['--version']),
  'php-xml': () => succeeds('php', ['-r', 'exit(class_exists("DOMDocument") ? 0 : 1);']),
  'php-mbstring': () => succeeds('php', ['-r', 'exit(function_exists("mb_strlen") ? 0 : 1);']),
  'python3-pysaml2': () => succeeds(PYTHON, ['-c', 'import saml2']),
  'apache2-bin': () => succeeds('apache2', ['-v']),
  'libapache2-mod-auth-openidc': () => existsSync('/usr/lib/apache2/modules/mod_auth_openidc.so'),
  xmlsec1: () => succeeds('xmlsec1', ['--version']),
};

/** `describe`, or `describe.skip` with a loud word about what is missing. */
export function describeWith(...wanted: readonly (keyof typeof PROBES)[]): jest.Describe {
  const missing = wanted.filter((name) => PROBES[name]?.() !== true);
  if (missing.length === 0) return describe;
  process.stderr.write(`\n*** SKIPPED, because this machine lacks: ${missing.join(', ')}\n`);
  return describe.skip;
}

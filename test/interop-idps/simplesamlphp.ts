import { cpSync, mkdirSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../harness/gatehouse.js';
import { startIdpProcess, untilItAnswers } from './idp-process.js';
import { base64Of, makeKeyPair, type KeyPairFiles } from './key-pair.js';
import type { PartnerOptions, RealIdp } from './real-idp.js';

const INSTALLED = '/usr/share/simplesamlphp';
const ATTRIBUTE_MAPS = '/etc/simplesamlphp/attributemap';
const MAIL_DOMAIN = 'simplesaml.example';

/**
 * Starts the packaged SimpleSAMLphp as an IdP of its own: configuration, keys, sessions and log live in a temporary
 * folder, PHP's own web server serves it. SimpleSAMLphp reads its configuration anew for each request, so keys and
 * partners change while it runs.
 */
export async function startSimpleSamlPhp(): Promise<RealIdp> {
  const folder = mkdtempSync(join(tmpdir(), 'gth-ssp-'));
  for (const name of ['config', 'metadata', 'cert', 'data', 'log', 'temp', 'sessions', 'www'])
    mkdirSync(join(folder, name));
  symlinkSync(join(INSTALLED, 'www'), join(folder, 'www/simplesaml'));
  cpSync(ATTRIBUTE_MAPS, join(folder, 'attributemap'), { recursive: true });
  const port = await freePort();
  const base = `http://127.0.0.1:${port}/simplesaml/`;
  const entityId = `${base}saml2/idp/metadata.php`;
  const keys = new Keys(folder, entityId);
  writeFileSync(join(folder, 'config/config.php'), configuration(folder, base));
  writeFileSync(join(folder, 'config/authsources.php'), USERS);
  writeFileSync(join(folder, 'metadata/saml20-sp-remote.php'), '<?php\n');

  // Without its cache of compiled files PHP sees a changed one at the next request.
  const settings = [`session.save_path=${join(folder, 'sessions')}`, 'display_errors=0', 'opcache.enable=0'];
  const serve = [...settings.flatMap((setting) => ['-d', setting]), '-S', `127.0.0.1:${port}`];
  const idpProcess = startIdpProcess('php', serve, {
    folder,
    cwd: join(folder, 'www'),
    env: {
      PATH: process.env.PATH ?? '',
      SIMPLESAMLPHP_CONFIG_DIR: join(folder, 'config'),
      PHP_CLI_SERVER_WORKERS: '2',
    },
  });
  await untilItAnswers(entityId, idpProcess);
  let logoutBegan = 0;
  return {
    name: 'SimpleSAMLphp 1.19',
    entityId,
    metadataUrl: entityId,
    user: { username: 'alice', password: 'alice-password', mail: `alice@${MAIL_DOMAIN}`, groups: ['ops', 'staff'] },
    trust: (partners) => {
      const entries = partners.map(({ metadata, options }, index) => {
        writeFileSync(join(folder, `metadata/partner-${index}.xml`), metadata);
        return partnerEntry(index, options);
      });
      writeFileSync(join(folder, 'metadata/saml20-sp-remote.php'), ['<?php', ...entries].join('\n'));
      return Promise.resolve();
    },
    portalLogin: (spEntityId, relayState) => {
      const url = new URL(`${base}saml2/idp/SSOService.php?spentityid=${encodeURIComponent(spEntityId)}`);
      if (relayState !== undefined) url.searchParams.set('RelayState', relayState);
      return url;
    },
    portalLogout: () => {
      logoutBegan = readLog(folder).length;
      return new URL(`${base}saml2/idp/initSLO.php?RelayState=${encodeURIComponent(base)}`);
    },
    announceNextKey: () => Promise.resolve(keys.announceNext()),
    signWithNextKey: () => Promise.resolve(keys.signWithNext()),
    replaceKey: () => Promise.resolve(keys.replace()),
    signingCertificate: () => keys.current(),
    confirmsLogout: (_page, spEntityIds) => {
      const logged = (text: string): boolean => readLog(folder).slice(logoutBegan).includes(text);
      return !logged('Error received from') && spEntityIds.every((id) => logged(`Logged out of 'saml:${id}'`));
    },
    log: () => `${idpProcess.printed()}\n${readLog(folder).slice(-8_000)}`,
    stop: () => idpProcess.stop(),
  };
}

/** The IdP's own entry, rewritten at each step of a rollover. SimpleSAMLphp knows a `new_` pair that does not sign yet. */
class Keys {
  private signing: KeyPairFiles;
  private next: KeyPairFiles | undefined;
  private previous: KeyPairFiles | undefined;
  private made = 0;

  constructor(
    private readonly folder: string,
    private readonly entityId: string,
  ) {
    this.signing = this.make();
    this.write();
  }

  current(): string {
    return base64Of(this.signing.certificate);
  }

  announceNext(): void {
    this.next = this.make();
    this.write();
  }

  signWithNext(): void {
    if (this.next === undefined) throw new Error('no next key was announced');
    this.previous = this.signing;
    this.signing = this.next;
    this.next = undefined;
    this.write();
  }

  /** As an operator who lost the key, or an impostor: nothing of the old one is left. */
  replace(): void {
    this.signing = this.make();
    this.next = undefined;
    this.previous = undefined;
    this.write();
  }

  private make(): KeyPairFiles {
    this.made += 1;
    return makeKeyPair(join(this.folder, 'cert'), `idp-${this.made}`);
  }

  private write(): void {
    // `new_` is published beside the signing pair, whether it is the coming one or the one that went.
    const beside = this.next ?? this.previous;
    const besideLines =
      beside === undefined ? '' : `'new_privatekey' => '${beside.key}', 'new_certificate' => '${beside.certificate}',`;
    writeFileSync(
      join(this.folder, 'metadata/saml20-idp-hosted.php'),
      `<?php
$metadata['${this.entityId}'] = [
    'host' => '__DEFAULT__',
    'privatekey' => '${this.signing.key}', 'certificate' => '${this.signing.certificate}', ${besideLines}
    'auth' => 'people',
    'SingleSignOnServiceBinding' => [${BINDINGS}],
    'SingleLogoutServiceBinding' => [${BINDINGS}],
    'sign.logout' => true,
    'validate.logout' => true,
    'NameIDFormat' => 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent',
    'attributes.NameFormat' => 'urn:oasis:names:tc:SAML:2.0:attrname-format:uri',
    'authproc' => [
        1 => ['class' => 'saml:PersistentNameID', 'attribute' => 'uid'],
        2 => ['class' => 'saml:AttributeNameID', 'attribute' => 'mail', 'Format' => '${EMAIL_FORMAT}'],
        3 => ['class' => 'core:AttributeMap', 'name2oid'],
    ],
];
`,
    );
  }
}

const EMAIL_FORMAT = 'urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress';
const BINDINGS = ['HTTP-Redirect', 'HTTP-POST']
  .map((name) => `'urn:oasis:names:tc:SAML:2.0:bindings:${name}'`)
  .join(', ');

/** Our own metadata document is read by SimpleSAMLphp's parser; only what metadata cannot say stands beside it. */
function partnerEntry(index: number, options: PartnerOptions): string {
  const weak = options.sha1 === true ? `'signature.algorithm' => 'http://www.w3.org/2000/09/xmldsig#rsa-sha1',` : '';
  const logout = options.logoutBinding === 'post' ? 'HTTP-POST' : 'HTTP-Redirect';
  return `
$sp = \\SimpleSAML\\Metadata\\SAMLParser::parseString(file_get_contents(__DIR__ . '/partner-${index}.xml'))->getMetadata20SP();
$sp['SingleLogoutService'] = array_values(array_filter(
    $sp['SingleLogoutService'],
    fn ($endpoint) => $endpoint['Binding'] === 'urn:oasis:names:tc:SAML:2.0:bindings:${logout}'
));
$metadata[$sp['entityid']] = [
    'validate.authnrequest' => ${options.signedRequests === true},
    'assertion.encryption' => ${options.encryptedAssertions === true},
    'saml20.sign.assertion' => ${options.responseOnly !== true}, ${weak}
] + $sp;
`;
}

function configuration(folder: string, base: string): string {
  return `<?php
$config = [
    'baseurlpath' => '${base}',
    'certdir' => '${folder}/cert/', 'loggingdir' => '${folder}/log/', 'datadir' => '${folder}/data/',
    'tempdir' => '${folder}/temp', 'metadatadir' => '${folder}/metadata/',
    'attributenamemapdir' => '${folder}/attributemap/',
    'secretsalt' => '${'interop'.repeat(5)}', 'auth.adminpassword' => 'not-used-here',
    'technicalcontact_name' => 'Operator', 'technicalcontact_email' => 'na@example.org', 'timezone' => 'UTC',
    'admin.checkforupdates' => false, 'trusted.url.domains' => [], 'assertion.allowed_clock_skew' => 60,
    'debug' => ['saml' => false, 'backtraces' => true, 'validatexml' => false],
    'showerrors' => true, 'errorreporting' => false,
    'logging.level' => SimpleSAML\\Logger::INFO, 'logging.handler' => 'file', 'logging.logfile' => 'simplesamlphp.log',
    'enable.saml20-idp' => true, 'module.enable' => ['exampleauth' => true, 'core' => true, 'saml' => true],
    // Over https they would be Secure too: an IdP must know its person when a partner's form is posted to it.
    'session.cookie.name' => 'SimpleSAMLSessionID', 'session.cookie.secure' => false, 'session.cookie.samesite' => 'None',
    'session.phpsession.cookiename' => 'SimpleSAML', 'session.phpsession.savepath' => '${folder}/sessions',
    'session.phpsession.httponly' => true, 'store.type' => 'phpsession',
    'language.available' => ['en'], 'language.default' => 'en', 'language.cookie.secure' => false,
    'language.cookie.samesite' => 'Lax', 'theme.use' => 'default', 'production' => true,
    'metadata.sources' => [['type' => 'flatfile']], 'authproc.idp' => [], 'authproc.sp' => [],
];
`;
}

const USERS = `<?php
$config = [
    'people' => [
        'exampleauth:UserPass',
        'alice:alice-password' => [
            'uid' => ['alice'], 'mail' => ['alice@${MAIL_DOMAIN}'], 'displayName' => ['Alice Ádám'],
            'isMemberOf' => ['ops', 'staff'],
        ],
    ],
];
`;

function readLog(folder: string): string {
  try {
    return readFileSync(join(folder, 'log/simplesamlphp.log'), 'utf8');
  } catch {
    return '(no log)';
  }
}

import type { SamlKeyRotation } from './saml-key-rotation.js';
import type { SamlRotationReport } from './saml-key.repository.js';

const USAGE = 'usage: gatehouse saml:rotate [--now]';

/**
 * The command `saml:rotate`.
 * @param args what follows the command's name: nothing, or `--now` for emergencies.
 * @returns text for the terminal; @throws Error with the usage for any other argument.
 */
export async function rotateSamlKeys(rotation: SamlKeyRotation, args: readonly string[], now: Date): Promise<string> {
  const [option, ...rest] = args;
  if (rest.length > 0 || (option !== undefined && option !== '--now')) throw new Error(USAGE);
  if (option === '--now') {
    const report = await rotation.rotateNow(now, 'emergency');
    return [
      ...publishedLines(report),
      ...report.rescheduled.map((key) => `key ${key.id} signs no more, decrypts until ${key.retiresAt.toISOString()}`),
      'EMERGENCY ROTATION: the new certificate signs immediately. Identity providers that check our signatures refuse',
      'requests until they have it: give each one our metadata anew, or the certificate, and remove the old one there.',
      'The old key decrypts on until the time above, so that logins go on meanwhile.',
    ].join('\n');
  }
  const report = await rotation.rotateNow(now, 'successor');
  if (report.published === undefined) {
    return 'Nothing to do: the next certificate is published already and waits to sign. --now signs immediately.';
  }
  return [
    ...publishedLines(report),
    ...report.rescheduled.map(
      (key) =>
        `key ${key.id} signs until ${key.signsUntil.toISOString()}, decrypts until ${key.retiresAt.toISOString()}`,
    ),
    'It is in our metadata now, for signing and encryption. Identity providers that do not read our metadata by',
    'themselves need it by hand, before it signs.',
  ].join('\n');
}

function publishedLines({ published, removed }: SamlRotationReport): string[] {
  return [
    ...(published === undefined
      ? []
      : [`published certificate ${published.id}, signs from ${published.signsFrom.toISOString()}`]),
    ...removed.map((id) => `removed key ${id}`),
  ];
}

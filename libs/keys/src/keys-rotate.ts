import type { KeyRotation } from './key-rotation.js';
import type { RotationReport } from './signing-key.repository.js';

const USAGE = 'usage: gatehouse keys:rotate [--now]';

/**
 * The command `keys:rotate`.
 * @param args what follows the command's name: nothing, or `--now` for emergencies.
 * @returns text for the terminal; @throws Error with the usage for any other argument.
 */
export async function rotateKeys(rotation: KeyRotation, args: readonly string[], now: Date): Promise<string> {
  const [option, ...rest] = args;
  if (rest.length > 0 || (option !== undefined && option !== '--now')) throw new Error(USAGE);
  if (option === '--now') {
    const report = await rotation.rotateNow(now, 'emergency');
    return [
      ...describe(report),
      'EMERGENCY ROTATION: the new keys sign immediately, without having been published beforehand. Verifiers that do',
      'not fetch the JWKS anew for an unknown kid refuse new tokens until their copy expires. Tokens of the old keys,',
      'and whatever a thief signs with a stolen one, verify until the old keys leave the JWKS at the times above.',
    ].join('\n');
  }
  const report = await rotation.rotateNow(now, 'successor');
  if (report.published.length > 0) return describe(report).join('\n');
  return 'Nothing to do: every key has a successor that is published and waits to sign. --now signs immediately.';
}

function describe(report: RotationReport): string[] {
  return [
    ...report.published.map(
      (key) =>
        `published ${key.algorithm} key ${key.kid} for ${key.purpose} tokens, signs from ${key.signsFrom.toISOString()}`,
    ),
    ...report.rescheduled.map(
      (key) =>
        `key ${key.kid} signs until ${key.signsUntil.toISOString()}, leaves the JWKS at ${key.retiresAt.toISOString()}`,
    ),
    ...report.removed.map((kid) => `removed key ${kid}`),
  ];
}

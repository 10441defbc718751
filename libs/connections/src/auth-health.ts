import type { ProviderHealth, VaultHealthReport } from '@app/vault';
import { z } from 'zod';
import { given } from './connection-answer.js';

const ProviderSchema = z.object({
  provider: z.string(),
  status: z.enum(['active', 'expired', 'expired_no_refresh', 'error', 'not_found']),
  expires_at: z.iso.datetime().optional().describe('Of the access token that is to be refreshed next'),
  expires_in: z.string().optional().describe('Until then, like 2h30m15s'),
  last_refresh: z.iso.datetime().optional(),
  error: z.string().optional().describe('What is wrong, in numbers'),
});

export const AuthHealthSchema = z
  .object({
    status: z.enum(['healthy', 'degraded', 'unhealthy']),
    providers: z.record(z.string(), ProviderSchema),
    timestamp: z.iso.datetime(),
  })
  .meta({ id: 'OAuthHealth' });

export type AuthHealth = z.infer<typeof AuthHealthSchema>;
type ProviderAnswer = z.infer<typeof ProviderSchema>;

/** A refresh that was due so long ago is late; below, it is what the schedule is about to do. */
const LATE_MS = 60_000;

/**
 * The vault as mix's clients read it. A provider is `active` only while none of its connections is dead, expired or
 * late and its queue does not rest. `unhealthy`: no provider that has connections is active.
 */
export function authHealth({ at, providers }: VaultHealthReport): AuthHealth {
  const answers = providers.map((provider) => providerAnswer(provider, at));
  const used = answers.filter(({ status }) => status !== 'not_found');
  const well = used.filter(({ status }) => status === 'active');
  return {
    status: well.length === used.length ? 'healthy' : well.length === 0 ? 'unhealthy' : 'degraded',
    providers: Object.fromEntries(answers.map((answer) => [answer.provider, answer])),
    timestamp: at.toISOString(),
  };
}

function providerAnswer(provider: ProviderHealth, at: Date): ProviderAnswer {
  const { nextExpiresAt, lastRefreshedAt } = provider;
  const faults = faultsOf(provider, at);
  return {
    provider: provider.providerId,
    status: statusOf(provider, faults),
    ...given({
      expires_at: nextExpiresAt?.toISOString(),
      expires_in: nextExpiresAt === undefined ? undefined : durationText(+nextExpiresAt - +at),
      last_refresh: lastRefreshedAt?.toISOString(),
      error: faults.length === 0 ? undefined : faults.join('; '),
    }),
  };
}

function statusOf(provider: ProviderHealth, faults: readonly string[]): ProviderAnswer['status'] {
  if (!provider.connections) return 'not_found';
  if (faults.length === 0) return 'active';
  if (provider.expired > 0) return 'expired';
  const onlyEnded = provider.expiredWithoutRefresh > 0 && faults.length === 1;
  return onlyEnded ? 'expired_no_refresh' : 'error';
}

function faultsOf(provider: ProviderHealth, at: Date): string[] {
  const { expired, expiredWithoutRefresh, needsReauth, oldestDueAt, breaker, due } = provider;
  const lateMs = oldestDueAt === undefined ? 0 : +at - +oldestDueAt;
  const faults: string[] = [];
  if (breaker !== undefined)
    faults.push(`its refreshes rest until ${breaker.openUntil.toISOString()} (${breaker.reason})`);
  if (needsReauth > 0) faults.push(`${needsReauth} to be authorized again`);
  if (expired > 0) faults.push(`${expired} expired and waiting for a refresh`);
  if (expiredWithoutRefresh > 0) faults.push(`${expiredWithoutRefresh} expired without a refresh token`);
  if (lateMs > LATE_MS) faults.push(`${due} due, the oldest for ${durationText(lateMs)}`);
  return faults;
}

/** As Go prints a duration: 2h30m15s. */
export function durationText(ms: number): string {
  const total = Math.max(0, Math.floor(ms / 1000));
  const [hours, minutes, seconds] = [Math.floor(total / 3600), Math.floor(total / 60) % 60, total % 60];
  if (hours > 0) return `${hours}h${minutes}m${seconds}s`;
  return minutes > 0 ? `${minutes}m${seconds}s` : `${seconds}s`;
}

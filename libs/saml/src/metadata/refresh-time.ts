import type { IdpDescription } from './idp-description.js';

const DAY_MS = 86_400_000;
/** No document makes us ask more often. */
const SHORTEST_MS = 5 * 60_000;
/** Of the pause, so that many providers and many installations do not ask at the same moment. */
const JITTER = 0.1;

/**
 * How long metadata past its `validUntil` still serves. It is due for a refresh from half its life on, so by then the IdP
 * has been unreachable for long, or its document was not renewed; a night for somebody to notice, then it is over.
 */
export const GRACE_MS = DAY_MS;

type Life = Pick<IdpDescription, 'cacheSeconds' | 'validUntil'>;

/**
 * When metadata is to be fetched again: after its cacheDuration, at half its life, and after a day at the latest.
 * @param jitter 0 to 1, random
 */
export function nextRefresh(now: Date, { cacheSeconds, validUntil }: Life, jitter: number): Date {
  const halfLife = validUntil === undefined ? DAY_MS : (Date.parse(validUntil) - now.getTime()) / 2;
  const pause = Math.max(SHORTEST_MS, Math.min(DAY_MS, halfLife, (cacheSeconds ?? Infinity) * 1000));
  return new Date(now.getTime() + Math.round(pause * (1 - JITTER * jitter)));
}

/** `grace`: past its validUntil, but it still serves; `over`: it must not be used (metadata §2.3.1). */
export function lifeAt(now: Date, { validUntil }: Pick<Life, 'validUntil'>): 'valid' | 'grace' | 'over' {
  if (validUntil === undefined) return 'valid';
  const late = now.getTime() - Date.parse(validUntil);
  if (late < 0) return 'valid';
  return late < GRACE_MS ? 'grace' : 'over';
}

import type { GatehouseConfig } from '@app/config';
import type { KeyPurpose, KeyRecord, KeyTimes, SigningAlgorithm } from './signing-key.js';

/** The keys that follow each other in one task. */
export interface KeyLane {
  readonly purpose: KeyPurpose;
  readonly algorithm: SigningAlgorithm;
}

/** The times of D40, in seconds. */
export interface KeySchedule {
  readonly publishBeforeSigning: number;
  readonly signing: number;
  /** The longest-lived token that a key signs, plus the clock difference that verifiers forgive. */
  readonly longestToken: number;
}

/**
 * Why the plan is asked for: `due`, what time requires; `successor`, publish the next keys now although not due;
 * `emergency`, sign with new keys at once and stop with all others (a key may have leaked).
 */
export type RotationOccasion = 'due' | 'successor' | 'emergency';

/** What has to change in the table; empty arrays: nothing. */
export interface RotationPlan {
  readonly publish: readonly (KeyLane & KeyTimes & { readonly createdAt: Date })[];
  readonly reschedule: readonly { readonly kid: string; readonly signsUntil: Date; readonly retiresAt: Date }[];
  readonly remove: readonly string[];
}

/**
 * How long a key may still sign after its successor has begun: other instances learn of an emergency within a minute
 * at the latest. It is also how far the clocks of two instances may be apart.
 */
export const HANDOVER_SECONDS = 60;

/** Access tokens in the configured algorithm (D19); ID tokens in RS256, which every relying party must know (D33). */
export function configuredLanes(config: GatehouseConfig): readonly KeyLane[] {
  return [
    { purpose: 'access', algorithm: config.accessTokenAlgorithm },
    { purpose: 'id', algorithm: 'RS256' },
  ];
}

export function configuredSchedule({ lifetimes }: GatehouseConfig): KeySchedule {
  return {
    publishBeforeSigning: lifetimes.keyPublishBeforeSigningSeconds,
    signing: lifetimes.keySigningSeconds,
    longestToken: lifetimes.accessTokenSeconds + lifetimes.clockSkewSeconds,
  };
}

interface Draft {
  readonly record: KeyRecord | undefined;
  readonly lane: KeyLane;
  readonly signsFrom: Date;
  signsUntil: Date;
}

/**
 * D40 as a pure function. In a lane the key that began last signs. A successor is published when the last key of the
 * lane has only the publication time left to sign, and each key signs until the next one begins. A lane without any key
 * (first start, another algorithm) gets one that signs at once. Keys of lanes that are no longer configured are left to
 * end by themselves.
 */
export function planRotation(
  records: readonly KeyRecord[],
  lanes: readonly KeyLane[],
  schedule: KeySchedule,
  now: Date,
  occasion: RotationOccasion,
): RotationPlan {
  const emergency = occasion === 'emergency';
  const removed = records.filter((r) => r.retiresAt <= now || (emergency && r.signsFrom > now));
  const kept = records
    .filter((record) => !removed.includes(record))
    .map((record): Draft => ({ record, lane: record, signsFrom: record.signsFrom, signsUntil: record.signsUntil }));
  if (emergency) {
    const last = after(now, HANDOVER_SECONDS);
    for (const draft of kept) if (draft.signsUntil > last) draft.signsUntil = last;
  }
  const created = lanes.flatMap((lane) => {
    const begins = nextBeginning(kept.filter(inLane(lane)), schedule, now, occasion);
    if (begins === undefined) return [];
    return [{ record: undefined, lane, signsFrom: begins, signsUntil: after(begins, schedule.signing) }];
  });
  const drafts: Draft[] = [...kept, ...created];
  for (const lane of lanes) joinUp(drafts.filter(inLane(lane)));
  return {
    publish: created.map(({ lane, signsFrom, signsUntil }) => ({
      purpose: lane.purpose,
      algorithm: lane.algorithm,
      createdAt: now,
      signsFrom,
      signsUntil,
      retiresAt: after(signsUntil, schedule.longestToken),
    })),
    reschedule: drafts.flatMap(({ record, signsUntil }) => {
      if (record === undefined) return [];
      const retiresAt = after(signsUntil, schedule.longestToken);
      // A setting that made tokens live longer moves the retirement out; never in: instances may differ for a while.
      if (sameTime(signsUntil, record.signsUntil) && retiresAt <= record.retiresAt) return [];
      return [{ kid: record.kid, signsUntil, retiresAt }];
    }),
    remove: removed.map((record) => record.kid),
  };
}

/** When the key that this lane needs now begins to sign; undefined: it needs none. */
function nextBeginning(
  lane: readonly Draft[],
  schedule: KeySchedule,
  now: Date,
  occasion: RotationOccasion,
): Date | undefined {
  // A key that begins within moments is the first key of an instance whose clock is ahead of ours, not a successor.
  const begun = lane.filter((draft) => draft.signsFrom <= after(now, HANDOVER_SECONDS));
  if (occasion === 'emergency' || begun.length === 0) return now;
  if (occasion === 'successor' && begun.length < lane.length) return undefined;
  const earliest = after(now, schedule.publishBeforeSigning);
  const lastsUntil = Math.max(...lane.map((draft) => draft.signsUntil.getTime()));
  return occasion === 'successor' || lastsUntil <= earliest.getTime() ? earliest : undefined;
}

/** Each key of a lane signs until the next begins: a late successor is bridged, an early one ends its predecessor. */
function joinUp(lane: Draft[]): void {
  lane.sort((a, b) => a.signsFrom.getTime() - b.signsFrom.getTime());
  lane.forEach((draft, index) => {
    const next = lane[index + 1];
    if (next !== undefined) draft.signsUntil = after(next.signsFrom, HANDOVER_SECONDS);
  });
}

function inLane(lane: KeyLane): (draft: Draft) => boolean {
  return (draft) => draft.lane.purpose === lane.purpose && draft.lane.algorithm === lane.algorithm;
}

function after(date: Date, seconds: number): Date {
  return new Date(date.getTime() + seconds * 1000);
}

function sameTime(a: Date, b: Date): boolean {
  return a.getTime() === b.getTime();
}

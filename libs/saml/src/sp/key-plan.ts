/** When a key pair of ours does what. Withdrawn, that is neither signing nor published: `signsUntil` is not after `signsFrom`. */
export interface SamlKeyTimes {
  readonly signsFrom: Date;
  readonly signsUntil: Date;
  /** Until then it decrypts. */
  readonly retiresAt: Date;
}

/** A key pair without its halves: what the plan decides about. */
export interface SamlKeyRecord extends SamlKeyTimes {
  /** SHA-256 of the certificate's DER, in hex. */
  readonly id: string;
  readonly createdAt: Date;
}

/** Seconds; see SamlSettings. */
export interface SamlKeySchedule {
  readonly publishBeforeSigning: number;
  readonly signing: number;
  readonly retention: number;
}

/**
 * Why the plan is asked for: `due`, what time requires; `successor`, publish the next key now although not due;
 * `emergency`, sign with a new key at once and name the others nowhere any more (a key may have leaked).
 */
export type SamlKeyOccasion = 'due' | 'successor' | 'emergency';

/** What has to change in the table. */
export interface SamlKeyPlan {
  readonly publish: (SamlKeyTimes & { readonly createdAt: Date }) | undefined;
  readonly reschedule: readonly { readonly id: string; readonly signsUntil: Date; readonly retiresAt: Date }[];
  readonly remove: readonly string[];
}

/** How far the clocks of two instances may be apart. */
export const CLOCK_DIFFERENCE_SECONDS = 60;

interface Draft {
  readonly record: SamlKeyRecord | undefined;
  readonly signsFrom: Date;
  signsUntil: Date;
}

/**
 * D40 for SAML as a pure function. The key that began last signs. Its successor is published when it has only the
 * publication time left, and it signs until the successor begins; one that comes late (we were down) is bridged, because
 * IdPs know the old certificate and not yet the new one. Without any key there is one that signs at once. A key that
 * has ended decrypts for the retention time on, since IdPs follow our metadata late.
 *
 * An emergency withdraws every other key: the metadata names none of them any more, but they still decrypt, also the
 * one that was waiting, for IdPs may have begun to encrypt to it.
 */
export function planSamlKeys(
  records: readonly SamlKeyRecord[],
  schedule: SamlKeySchedule,
  now: Date,
  occasion: SamlKeyOccasion,
): SamlKeyPlan {
  const removed = records.filter((record) => record.retiresAt <= now);
  const kept = records.filter((record) => !removed.includes(record));
  const remove = removed.map((record) => record.id);
  if (occasion === 'emergency') {
    return { publish: newKey(now, now, schedule), reschedule: withdraw(kept, schedule, now), remove };
  }
  const line = kept
    .filter((record) => !isWithdrawn(record))
    .map((record): Draft => ({ record, signsFrom: record.signsFrom, signsUntil: record.signsUntil }));
  const begins = nextBeginning(line, schedule, now, occasion);
  const publish = begins === undefined ? undefined : newKey(begins, now, schedule);
  if (publish !== undefined) line.push({ record: undefined, ...publish });
  joinUp(line);
  const reschedule = line.flatMap(({ record, signsUntil }) => {
    if (record === undefined) return [];
    const retiresAt = after(signsUntil, schedule.retention);
    // A longer retention moves the retirement out; never in: instances may differ for a while.
    if (signsUntil.getTime() === record.signsUntil.getTime() && retiresAt <= record.retiresAt) return [];
    return [{ id: record.id, signsUntil, retiresAt }];
  });
  return { publish, reschedule, remove };
}

export function isWithdrawn({ signsFrom, signsUntil }: SamlKeyTimes): boolean {
  return signsUntil <= signsFrom;
}

/**
 * The key that signs now: of those that may, the one that began last. Where rotation is late, the one that ended last signs
 * on until it retires: IdPs know its certificate still. Undefined: there was none yet, or rotation has failed for long.
 */
export function signingAt<K extends SamlKeyTimes>(keys: readonly K[], now: Date): K | undefined {
  const usable = keys.filter((key) => now < key.retiresAt && !isWithdrawn(key));
  const begun = usable.filter((key) => key.signsFrom <= now);
  const signing = latest(begun.filter((key) => now < key.signsUntil));
  if (signing !== undefined) return signing;
  // A key that begins in moments is the first one, or an emergency's, of an instance whose clock is ahead of ours.
  const soon = after(now, CLOCK_DIFFERENCE_SECONDS);
  return latest(usable.filter((key) => now < key.signsFrom && key.signsFrom <= soon)) ?? latest(begun);
}

function latest<K extends SamlKeyTimes>(keys: readonly K[]): K | undefined {
  return keys.toSorted((a, b) => b.signsFrom.getTime() - a.signsFrom.getTime())[0];
}

function newKey(begins: Date, now: Date, schedule: SamlKeySchedule): NonNullable<SamlKeyPlan['publish']> {
  const signsUntil = after(begins, schedule.signing);
  return { createdAt: now, signsFrom: begins, signsUntil, retiresAt: after(signsUntil, schedule.retention) };
}

function withdraw(kept: readonly SamlKeyRecord[], schedule: SamlKeySchedule, now: Date): SamlKeyPlan['reschedule'] {
  const last = after(now, schedule.retention);
  return kept
    .filter((record) => !isWithdrawn(record))
    .map(({ id, signsFrom, retiresAt }) => ({ id, signsUntil: signsFrom, retiresAt: earlier(retiresAt, last) }));
}

/** When the key that is needed now begins to sign; undefined: none is needed. */
function nextBeginning(
  line: readonly Draft[],
  schedule: SamlKeySchedule,
  now: Date,
  occasion: Exclude<SamlKeyOccasion, 'emergency'>,
): Date | undefined {
  const begun = line.filter((draft) => draft.signsFrom <= after(now, CLOCK_DIFFERENCE_SECONDS));
  if (begun.length === 0) return now;
  if (occasion === 'successor' && begun.length < line.length) return undefined;
  const earliest = after(now, schedule.publishBeforeSigning);
  const lastsUntil = Math.max(...line.map((draft) => draft.signsUntil.getTime()));
  return occasion === 'successor' || lastsUntil <= earliest.getTime() ? earliest : undefined;
}

/** Each key signs until the next begins: a late successor is bridged, an early one ends its predecessor. */
function joinUp(line: Draft[]): void {
  line.sort((a, b) => a.signsFrom.getTime() - b.signsFrom.getTime());
  line.forEach((draft, index) => {
    const next = line[index + 1];
    if (next !== undefined) draft.signsUntil = next.signsFrom;
  });
}

function earlier(a: Date, b: Date): Date {
  return a < b ? a : b;
}

function after(date: Date, seconds: number): Date {
  return new Date(date.getTime() + seconds * 1000);
}

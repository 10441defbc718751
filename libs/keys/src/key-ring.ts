import { createHash } from 'node:crypto';
import type { JwtSigner } from './jwt-signer.js';
import { HANDOVER_SECONDS } from './key-schedule.js';
import type { KeyPair, KeyPurpose, KeyRecord, PublicJwk, SigningAlgorithm } from './signing-key.js';

/** A key in memory, ready to sign and to verify. */
export interface LoadedKey {
  readonly record: KeyRecord;
  readonly pair: KeyPair;
  readonly signer: JwtSigner;
}

/** RFC 7517 §5: public halves only. */
export interface Jwks {
  readonly keys: readonly PublicJwk[];
}

/** One reading of the table; replaced as a whole, never changed. */
export class KeyRing {
  private readonly newestFirst: readonly LoadedKey[];
  private readonly byId: ReadonlyMap<string, LoadedKey>;
  private published: { readonly jwks: Jwks; readonly etag: string } | undefined;

  constructor(private readonly loaded: readonly LoadedKey[]) {
    // Of two that began in the same moment an emergency has cut the older one short.
    this.newestFirst = loaded.toSorted(
      (a, b) =>
        b.record.signsFrom.getTime() - a.record.signsFrom.getTime() ||
        b.record.signsUntil.getTime() - a.record.signsUntil.getTime(),
    );
    this.byId = new Map(loaded.map((key) => [key.record.kid, key]));
  }

  /** The key by this name, unless it has retired. */
  find(kid: string, now: Date): LoadedKey | undefined {
    const key = this.byId.get(kid);
    return key !== undefined && now < key.record.retiresAt ? key : undefined;
  }

  /** The key that signs now: of those that may, the one that began last (D40). */
  signing(purpose: KeyPurpose, algorithm: SigningAlgorithm, now: Date): LoadedKey | undefined {
    const time = now.getTime();
    let firstToBegin: LoadedKey | undefined;
    for (const key of this.newestFirst) {
      const { record } = key;
      if (record.purpose !== purpose || record.algorithm !== algorithm || time >= record.signsUntil.getTime()) continue;
      if (record.signsFrom.getTime() <= time) return key;
      firstToBegin = key;
    }
    // The first key of all may come from an instance whose clock is a little ahead of ours.
    const begins = firstToBegin?.record.signsFrom.getTime() ?? Infinity;
    return begins <= time + HANDOVER_SECONDS * 1000 ? firstToBegin : undefined;
  }

  /** What resource servers are told, with a strong entity tag (RFC 9110 §8.8.3). */
  publish(now: Date): { readonly jwks: Jwks; readonly etag: string } {
    const keys = this.loaded.filter(({ record }) => now < record.retiresAt).map(({ pair }) => pair.publicJwk);
    // Members only ever leave a ring, so as many keys means the same keys.
    if (this.published?.jwks.keys.length !== keys.length) {
      const digest = createHash('sha256').update(JSON.stringify(keys)).digest('base64url');
      this.published = { jwks: { keys }, etag: `"${digest.slice(0, 22)}"` };
    }
    return this.published;
  }
}

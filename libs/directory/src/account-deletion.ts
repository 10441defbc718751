import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { CLOCK, type Clock } from '@app/config';
import { hashOpaqueToken, OAuthError, secretMatches } from '@app/oauth2';
import { TRANSIENT_STORE, type TransientStore } from '@app/transient-store';
import { Directory, type Actor } from './directory.js';

export interface DeletionChallenge {
  readonly text: string;
  readonly expiresAt: Date;
}

const LIFETIME_MS = 3 * 60_000;

/** Deleting oneself takes two calls: the first says what to repeat, so that no single stray request does it. */
@Injectable()
export class AccountDeletion {
  constructor(
    private readonly directory: Directory,
    @Inject(TRANSIENT_STORE) private readonly store: TransientStore,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** A new challenge, good for three minutes; the one before is void. */
  async challenge(userId: string): Promise<DeletionChallenge> {
    const text = `delete-${randomUUID()}`;
    await this.store.set(keyOf(userId), text, LIFETIME_MS);
    return { text, expiresAt: new Date(this.clock().getTime() + LIFETIME_MS) };
  }

  /**
   * Deletes the user when `answer` is the challenge. A wrong answer uses the challenge up as well.
   * @throws OAuthError `invalid_challenge`
   */
  async confirm(userId: string, answer: string, actor: Actor): Promise<void> {
    const expected = await this.store.take(keyOf(userId));
    if (expected === undefined || !secretMatches(answer, hashOpaqueToken(expected)))
      throw new OAuthError(
        'invalid_challenge',
        'challenge is wrong, used or older than three minutes; ask for a new one by DELETE without challenge',
      );
    await this.directory.deleteUser(userId, actor);
  }
}

function keyOf(userId: string): string {
  return `directory:account-deletion:${userId}`;
}

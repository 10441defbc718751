import { Inject, Injectable } from '@nestjs/common';
import type { AuditContext } from '@app/audit';
import { GATEHOUSE_CONFIG, type GatehouseConfig } from '@app/config';
import { hashOpaqueToken, isOpaqueToken, mintOpaqueToken } from '@app/oauth2';
import { TRANSIENT_STORE, type TransientStore } from '@app/transient-store';
import { Administrators } from './administrators.js';

const KEY = 'set-up-link';
const LIFETIME_MS = 15 * 60_000;

/**
 * The way in for the first administrator where `admins` names nobody (D43): a link with 256 random bits, of which the
 * store keeps the hash, for fifteen minutes and one use, and only while there is no administrator. It is for the terminal
 * of whoever runs the server; logs are read by others.
 */
@Injectable()
export class SetupLink {
  constructor(
    @Inject(TRANSIENT_STORE) private readonly store: TransientStore,
    private readonly administrators: Administrators,
    @Inject(GATEHOUSE_CONFIG) private readonly config: GatehouseConfig,
  ) {}

  /** A new link, which ends the one before; undefined when there is an administrator. */
  async make(): Promise<string | undefined> {
    if (await this.administrators.areThere()) return undefined;
    const token = mintOpaqueToken('su');
    await this.store.set(KEY, fingerprint(token), LIFETIME_MS);
    return `${this.config.publicUrl}/setup?token=${token}`;
  }

  /** Says whether the link would work, without using it. */
  async isOpen(token: string): Promise<boolean> {
    if (!isOpaqueToken(token, 'su') || (await this.administrators.areThere())) return false;
    return (await this.store.get(KEY)) === fingerprint(token);
  }

  /** Uses the link up: true for one caller, who may then begin the login of the first administrator. */
  async redeem(token: string): Promise<boolean> {
    if (!isOpaqueToken(token, 'su') || (await this.administrators.areThere())) return false;
    return this.store.compareAndDelete(KEY, fingerprint(token));
  }

  /** The end of that login; false when somebody else was faster. */
  pin(sessionId: string, context: AuditContext): Promise<boolean> {
    return this.administrators.pinFirst(sessionId, context);
  }
}

function fingerprint(token: string): string {
  return hashOpaqueToken(token).toString('base64url');
}

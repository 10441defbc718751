import { createPrivateKey, type KeyObject } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { AuditLog } from '@app/audit';
import { GATEHOUSE_CONFIG, type GatehouseConfig } from '@app/config';
import { Database, SamlKeyEntity } from '@app/database';
import { SecretBox } from '@app/keys';
import type { EntityManager } from 'typeorm';
import { planSamlKeys, type SamlKeyOccasion, type SamlKeyPlan, type SamlKeyRecord } from './key-plan.js';
import { samlKeyPlace } from './sealed-saml-keys.js';
import { generateSamlKey, requireMatch, type NewSamlKey } from './sp-certificate.js';

/** A row: its private half is still sealed. */
export interface SealedSamlKey extends SamlKeyRecord {
  /** Base64 of DER. */
  readonly certificate: string;
  readonly sealedPrivateKey: string;
}

/** What a rotation did, for logs and the command line. */
export interface SamlRotationReport {
  readonly published: SamlKeyRecord | undefined;
  readonly rescheduled: SamlKeyPlan['reschedule'];
  readonly removed: readonly string[];
}

/** Two numbers for an advisory lock: "gate", as all of ours begin, and the one of this table. */
const LOCK = [0x67617465, 3] as const;

const NOTHING_DONE: SamlRotationReport = { published: undefined, rescheduled: [], removed: [] };

/** The table `saml_keys`, and the only place that changes it: under one advisory lock, so that instances agree. */
@Injectable()
export class SamlKeyRepository {
  constructor(
    private readonly database: Database,
    private readonly box: SecretBox,
    private readonly audit: AuditLog,
    @Inject(GATEHOUSE_CONFIG) private readonly config: GatehouseConfig,
  ) {}

  /** Every key of the table, oldest first, retired ones that nobody has deleted yet included. */
  findAll(): Promise<SealedSamlKey[]> {
    return readAll(this.database.dataSource.manager);
  }

  /** @throws CannotOpen, or Error when the private half is not the one of the certificate. */
  open(key: SealedSamlKey): KeyObject {
    const der = this.box.open(key.sealedPrivateKey, samlKeyPlace(key.id));
    const privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
    requireMatch(key.certificate, privateKey);
    return privateKey;
  }

  /** Does what {@link planSamlKeys} says; of several instances that ask together one acts, the others find it done. */
  async rotate(occasion: SamlKeyOccasion, now: Date): Promise<SamlRotationReport> {
    const expected = this.plan(await this.findAll(), occasion, now);
    if (isEmpty(expected)) return NOTHING_DONE;
    // RSA takes its time to generate: before the transaction, at the risk of throwing it away.
    const prepared = expected.publish && (await this.generate(expected.publish));
    return this.database.transaction(async (manager) => {
      await manager.query('SELECT pg_advisory_xact_lock($1, $2)', [...LOCK]);
      return this.apply(manager, this.plan(await readAll(manager), occasion, now), prepared);
    });
  }

  private plan(records: readonly SamlKeyRecord[], occasion: SamlKeyOccasion, now: Date): SamlKeyPlan {
    const { keyPublishBeforeSigningSeconds, keyLifetimeSeconds, keyRetentionSeconds } = this.config.saml;
    const schedule = {
      publishBeforeSigning: keyPublishBeforeSigningSeconds,
      signing: keyLifetimeSeconds,
      retention: keyRetentionSeconds,
    };
    return planSamlKeys(records, schedule, now, occasion);
  }

  /** Valid also where a late successor makes the key sign longer than planned, by the publication time at most. */
  private generate({ createdAt, retiresAt }: NonNullable<SamlKeyPlan['publish']>): Promise<NewSamlKey> {
    const bridgeMs = this.config.saml.keyPublishBeforeSigningSeconds * 1000;
    return generateSamlKey(new URL(this.config.publicUrl).hostname, createdAt, new Date(+retiresAt + bridgeMs));
  }

  private async apply(
    manager: EntityManager,
    plan: SamlKeyPlan,
    prepared: NewSamlKey | undefined,
  ): Promise<SamlRotationReport> {
    const table = manager.getRepository(SamlKeyEntity);
    for (const { id, signsUntil, retiresAt } of plan.reschedule) await table.update({ id }, { signsUntil, retiresAt });
    if (plan.remove.length > 0) await table.delete([...plan.remove]);
    let published: SamlKeyRecord | undefined;
    if (plan.publish !== undefined) {
      const { id, certificate, privateKey } = prepared ?? (await this.generate(plan.publish));
      published = { ...plan.publish, id };
      await table.insert({ ...published, certificate, sealedPrivateKey: this.box.seal(privateKey, samlKeyPlace(id)) });
      await this.audit.record(manager, { kind: 'keys.rotated', purpose: 'saml', keyId: id });
    }
    return { published, rescheduled: plan.reschedule, removed: plan.remove };
  }
}

async function readAll(manager: EntityManager): Promise<SealedSamlKey[]> {
  const rows = await manager.getRepository(SamlKeyEntity).find({ order: { createdAt: 'ASC', id: 'ASC' } });
  return rows.map((row) => ({ ...row }));
}

function isEmpty(plan: SamlKeyPlan): boolean {
  return plan.publish === undefined && plan.reschedule.length + plan.remove.length === 0;
}

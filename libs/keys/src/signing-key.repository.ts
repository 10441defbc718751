import { Inject, Injectable } from '@nestjs/common';
import { AuditLog } from '@app/audit';
import { GATEHOUSE_CONFIG, type GatehouseConfig } from '@app/config';
import { Database, SigningKeyEntity } from '@app/database';
import type { EntityManager } from 'typeorm';
import {
  configuredLanes,
  configuredSchedule,
  planRotation,
  type RotationOccasion,
  type RotationPlan,
} from './key-schedule.js';
import { SecretBox } from './secret-box.js';
import {
  generatePrivateKey,
  parseKeyPair,
  signingAlgorithm,
  signingKeyPlace,
  type KeyPair,
  type KeyRecord,
  type SigningAlgorithm,
} from './signing-key.js';

/** What a rotation did, for logs and the command line. */
export interface RotationReport {
  readonly published: readonly KeyRecord[];
  /** Keys whose signing or retirement was moved. */
  readonly rescheduled: RotationPlan['reschedule'];
  /** kids that left the JWKS. */
  readonly removed: readonly string[];
}

/** A row: its private half is still sealed. */
export interface SealedSigningKey extends KeyRecord {
  readonly sealedPrivateKey: string;
}

/** Two numbers for an advisory lock: "gate", as all of ours begin, and the one of this table (1 is the migrations'). */
const LOCK = [0x67617465, 2] as const;

/** The table `signing_keys`, and the only place that changes it: under one advisory lock, so that instances agree. */
@Injectable()
export class SigningKeyRepository {
  constructor(
    private readonly database: Database,
    private readonly box: SecretBox,
    private readonly audit: AuditLog,
    @Inject(GATEHOUSE_CONFIG) private readonly config: GatehouseConfig,
  ) {}

  /** Every key of the table, oldest first, retired ones that nobody has deleted yet included. */
  async findAll(): Promise<SealedSigningKey[]> {
    return readAll(this.database.dataSource.manager);
  }

  /** @throws CannotOpen, or Error when the private half is not the one that `kid` names. */
  async open(key: SealedSigningKey): Promise<KeyPair> {
    const pair = await parseKeyPair(this.box.open(key.sealedPrivateKey, signingKeyPlace(key.kid)), key.algorithm);
    if (pair.kid !== key.kid) throw new Error(`the private half of signing key ${key.kid} belongs to ${pair.kid}`);
    return pair;
  }

  /** Does what {@link planRotation} says; of several instances that ask together one acts, the others find it done. */
  async rotate(occasion: RotationOccasion, now: Date): Promise<RotationReport> {
    const expected = this.plan(await this.findAll(), occasion, now);
    if (isEmpty(expected)) return NOTHING_DONE;
    // RSA takes its time to generate: before the transaction, at the risk of throwing it away.
    const prepared: NewKey[] = [];
    for (const { algorithm } of expected.publish) prepared.push(await newKey(algorithm));
    return this.database.transaction(async (manager) => {
      await manager.query('SELECT pg_advisory_xact_lock($1, $2)', [...LOCK]);
      return this.apply(manager, this.plan(await readAll(manager), occasion, now), prepared);
    });
  }

  private plan(records: readonly KeyRecord[], occasion: RotationOccasion, now: Date): RotationPlan {
    return planRotation(records, configuredLanes(this.config), configuredSchedule(this.config), now, occasion);
  }

  private async apply(
    manager: EntityManager,
    plan: RotationPlan,
    prepared: readonly NewKey[],
  ): Promise<RotationReport> {
    const table = manager.getRepository(SigningKeyEntity);
    const published: KeyRecord[] = [];
    const used = new Set<NewKey>();
    for (const planned of plan.publish) {
      const ready = prepared.find((key) => key.algorithm === planned.algorithm && !used.has(key));
      const key = ready ?? (await newKey(planned.algorithm));
      used.add(key);
      const { kid, publicJwk, pkcs8 } = key;
      await table.insert({
        ...planned,
        kid,
        publicJwk: { ...publicJwk },
        sealedPrivateKey: this.box.seal(pkcs8, signingKeyPlace(kid)),
      });
      published.push({ ...planned, kid });
    }
    for (const { kid, signsUntil, retiresAt } of plan.reschedule)
      await table.update({ kid }, { signsUntil, retiresAt });
    if (plan.remove.length > 0) await table.delete([...plan.remove]);
    await this.audit.recordAll(
      manager,
      published.map(({ purpose, kid }) => ({ kind: 'keys.rotated', purpose, keyId: kid })),
    );
    return { published, rescheduled: plan.reschedule, removed: plan.remove };
  }
}

interface NewKey extends KeyPair {
  readonly pkcs8: Buffer;
}

async function newKey(algorithm: SigningAlgorithm): Promise<NewKey> {
  const pkcs8 = await generatePrivateKey(algorithm);
  return { ...(await parseKeyPair(pkcs8, algorithm)), pkcs8 };
}

const NOTHING_DONE: RotationReport = { published: [], rescheduled: [], removed: [] };

async function readAll(manager: EntityManager): Promise<SealedSigningKey[]> {
  const rows = await manager.getRepository(SigningKeyEntity).find({ order: { createdAt: 'ASC', kid: 'ASC' } });
  return rows.map(({ kid, purpose, algorithm, createdAt, signsFrom, signsUntil, retiresAt, sealedPrivateKey }) => ({
    kid,
    purpose,
    algorithm: signingAlgorithm(kid, algorithm),
    createdAt,
    signsFrom,
    signsUntil,
    retiresAt,
    sealedPrivateKey,
  }));
}

function isEmpty(plan: RotationPlan): boolean {
  return plan.publish.length + plan.reschedule.length + plan.remove.length === 0;
}

import { Inject, Injectable } from '@nestjs/common';
import { AuditLog } from '@app/audit';
import { CLOCK, type Clock } from '@app/config';
import { Lockout } from '@app/edge';
import { OAuthError, secretMatches } from '@app/oauth2';
import { Revocations } from '@app/revocation';
import { isPublic, provesBySecret, type Application } from './applications/application.js';
import { Applications, type StoredApplication } from './applications/applications.js';
import { ClientAssertions } from './client-assertions.js';
import { ClientUsage } from './client-usage.js';
import { FirstPartyClients } from './first-party-clients.js';
import type { MachineClient } from './machine-client.js';
import { isMachineClientId, MachineClients, type StoredMachine } from './machine-clients.js';
import type { PresentedClient } from './presented-client.js';

/** A client that named itself. Only an `authenticated` one has proved that it is the one it names. */
export interface IdentifiedClient {
  readonly clientId: string;
  readonly authenticated: boolean;
  readonly scopes: readonly string[];
  /** Where it is one (D7 b). */
  readonly application: Application | undefined;
}

type WithSecret = Extract<PresentedClient, { readonly kind: 'secret' }>;
type WithAssertion = Extract<PresentedClient, { readonly kind: 'assertion' }>;

/** Compared with when there is no such client, so that an unknown one costs the same work. */
const NOBODYS_HASH = Buffer.alloc(32);

/** Proves clients (RFC 6749 §2.3, §3.2.1), behind the one lockout of everything that takes a secret (R29). */
@Injectable()
export class ClientAuthenticator {
  constructor(
    private readonly machines: MachineClients,
    private readonly applications: Applications,
    private readonly assertions: ClientAssertions,
    private readonly firstParty: FirstPartyClients,
    private readonly revocations: Revocations,
    private readonly lockout: Lockout,
    private readonly usage: ClientUsage,
    private readonly audit: AuditLog,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * Who asks, where anybody may ask: a public client by its id, a machine or a confidential application by its secret, or
   * by an assertion that its key signed. Undefined when no client was named. Wrong credentials are refused even where none would have been needed.
   * @throws OAuthError `invalid_client`; 429 while (client, address) is locked
   */
  async identify(presented: PresentedClient, address: string): Promise<IdentifiedClient | undefined> {
    if (presented.kind === 'none') return undefined;
    const { clientId } = presented;
    if (presented.kind === 'secret') {
      if (!isMachineClientId(clientId)) return identified(await this.proveApplication(presented, address));
      const { scopes } = await this.prove(presented, address);
      return { clientId, authenticated: true, scopes, application: undefined };
    }
    if (presented.kind === 'assertion') return identified(await this.proveByKey(presented, address));
    if (this.firstParty.isServed(clientId))
      return { clientId, authenticated: false, scopes: [], application: undefined };
    const application = await this.applications.find(clientId);
    if (application === undefined || !isPublic(application))
      throw invalidClient(presented, application === undefined ? 'unknown or disabled' : 'no secret was presented');
    return identified(application);
  }

  /**
   * An application by its secret; any of them that has not ended (RFC 6749 §2.3.1). Both ways of sending one are taken
   * from each.
   */
  private async proveApplication(presented: WithSecret, address: string): Promise<Application> {
    const open = this.lockout.assertOpen(presented.clientId, address);
    const [stored] = await Promise.all([this.applications.findStored(presented.clientId), open]);
    const now = this.clock();
    const hashes = stored === undefined ? [NOBODYS_HASH] : livingHashes(stored, now);
    const matches = hashes.filter((hash) => secretMatches(presented.clientSecret, hash)).length > 0;
    if (stored !== undefined && matches) return stored.application;
    await this.refuseGuess(presented, address, stored !== undefined);
    throw invalidClient(presented, stored === undefined ? 'unknown or disabled' : 'wrong secret');
  }

  /** An application by an assertion, which proves it once (RFC 7523 §3). */
  private async proveByKey(presented: WithAssertion, address: string): Promise<Application> {
    const open = this.lockout.assertOpen(presented.clientId, address);
    const [application] = await Promise.all([this.applications.find(presented.clientId), open]);
    if (application?.tokenEndpointAuthMethod !== 'private_key_jwt') {
      await this.refuseGuess(presented, address, application !== undefined);
      throw invalidClient(presented, application === undefined ? 'unknown or disabled' : 'not registered for a key');
    }
    const verdict = await this.assertions.verify(presented.assertion, application);
    if (verdict.kind === 'good') return application;
    // A spent one is not counted: its key was right, and nobody is guessing.
    if (verdict.kind === 'unproven') await this.refuseGuess(presented, address, true);
    throw invalidClient(presented, verdict.reason);
  }

  /**
   * The machine that the client credentials grant issues to (RFC 6749 §4.4: confidential clients only). Counts one
   * token, which the caller issues next. Warm, it costs one round trip to the transient store and no SQL.
   * @throws OAuthError `invalid_client`; 429 while (client, address) is locked
   */
  async authenticateMachine(presented: PresentedClient, address: string): Promise<MachineClient> {
    if (presented.kind !== 'secret') throw invalidClient(presented, 'no secret was presented');
    const machine = await this.prove(presented, address);
    this.usage.tokenIssued(machine);
    return machine;
  }

  private async prove(presented: WithSecret, address: string): Promise<MachineClient> {
    // Both begin in this tick, so that their Redis commands travel together.
    const open = this.lockout.assertOpen(presented.clientId, address);
    const [stored] = await Promise.all([this.current(presented.clientId), open]);
    const matches = secretMatches(presented.clientSecret, stored?.secretHash ?? NOBODYS_HASH);
    if (stored === undefined || !matches) {
      await this.refuseGuess(presented, address, stored !== undefined);
      throw invalidClient(
        presented,
        stored === undefined ? 'unknown, deleted, or of a disabled owner' : 'wrong secret',
      );
    }
    const { client } = stored;
    const now = this.clock();
    // Not counted as a failure: the secret was right, and nobody is guessing.
    if (client.expiresAt !== undefined && client.expiresAt <= now) throw invalidClient(presented, 'expired');
    this.usage.seen(client, now);
    return client;
  }

  /** Counts a wrong secret (R29). An unknown identifier is any text, now and then a secret by mistake: not for keeping. */
  private async refuseGuess(
    { clientId }: WithSecret | WithAssertion,
    address: string,
    isKnown: boolean,
  ): Promise<void> {
    const outcome = await this.lockout.failed(clientId, address);
    if (outcome === 'locked' && isKnown)
      this.audit.recordApart({ kind: 'client.locked', clientId }, { remoteAddress: address });
  }

  /** The credential as it is now: what is remembered counts only while nothing revoked it (D20). */
  private async current(clientId: string): Promise<StoredMachine | undefined> {
    const recalled = this.machines.recall(clientId);
    if (recalled === 'unknown') return undefined;
    const stored = recalled ?? (await this.machines.load(clientId));
    if (stored === undefined || (await this.isCurrent(stored))) return stored;
    this.machines.forget(clientId);
    const reloaded = await this.machines.load(clientId);
    return reloaded !== undefined && (await this.isCurrent(reloaded)) ? reloaded : undefined;
  }

  private async isCurrent(stored: StoredMachine): Promise<boolean> {
    return (await this.revocations.check(stored.revocationClaims)).length === 0;
  }
}

/** None where the application proves itself otherwise: a secret of before is none any more. */
function livingHashes({ application, secrets }: StoredApplication, now: Date): readonly Buffer[] {
  if (!provesBySecret(application)) return [];
  return secrets.filter(({ expiresAt }) => expiresAt === undefined || expiresAt > now).map(({ hash }) => hash);
}

function identified(application: Application): IdentifiedClient {
  return { clientId: application.clientId, authenticated: !isPublic(application), scopes: [], application };
}

/** One text for every reason; the log is told which (R29). */
function invalidClient(presented: PresentedClient, reason: string): OAuthError {
  const basic = presented.kind !== 'none' && presented.method === 'basic';
  return new OAuthError('invalid_client', 'Client authentication failed', {
    logDetail: reason,
    ...(basic ? { authenticate: 'Basic' as const } : {}),
  });
}

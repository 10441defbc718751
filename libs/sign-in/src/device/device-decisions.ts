import { Injectable } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { AuditLog } from '@app/audit';
import type { Application } from '@app/clients';
import { requestContext } from '@app/edge';
import { OAuthError } from '@app/oauth2';
import { DeviceAuthorizations, Sessions, type AskingDevice, type SessionFacts } from '@app/tokens';
import { ApplicationOutcome } from '../applications/application-outcome.js';
import { Consents } from '../applications/consents.js';
import type { AuthorizationRequest } from '../authorization-request.js';
import { sendDeviceDone } from './device-pages.js';

/** What a person says to a device (RFC 8628 §3.3): a session of its own out of the person's, or nothing. */
@Injectable()
export class DeviceDecisions {
  constructor(
    private readonly devices: DeviceAuthorizations,
    private readonly outcome: ApplicationOutcome,
    private readonly consents: Consents,
    private readonly sessions: Sessions,
    private readonly audit: AuditLog,
  ) {}

  /** Answers the device's question, which nobody else can from then on (R22). @throws OAuthError for the person */
  async decide(
    decision: 'allow' | 'deny',
    asked: AuthorizationRequest,
    session: SessionFacts,
    reply: FastifyReply,
  ): Promise<void> {
    if (asked.delivery.kind !== 'device') throw new Error('no device is asking');
    const application = await this.outcome.admit(asked, session);
    const device = await this.devices.claim(asked.delivery.userCode);
    if (device?.id !== asked.delivery.id)
      throw new OAuthError('invalid_request', 'The code of this device is used or too old; start again on the device');
    if (decision === 'allow') await this.allow(device, asked, application, session, reply);
    else await this.devices.answer(device.id, { kind: 'denied' });
    const { remoteAddress: deviceAddress } = device;
    this.audit.recordApart(
      {
        kind: decision === 'allow' ? 'device.allowed' : 'device.denied',
        userId: session.userId,
        applicationId: application.id,
        organizationId: application.organizationId,
        deviceAddress,
      },
      requestContext(reply.request),
    );
    await sendDeviceDone(reply, decision, application.name);
  }

  /** A device that nobody can allow any more need not wait: it is told no where allowing fails. */
  private async allow(
    { id }: AskingDevice,
    { scopes }: AuthorizationRequest,
    application: Application,
    session: SessionFacts,
    reply: FastifyReply,
  ): Promise<void> {
    try {
      await this.consents.grant(session.userId, application, scopes, requestContext(reply.request));
      const sessionId = await this.sessions.beginForApplication(session.sessionId, application.clientId);
      if (sessionId === undefined)
        throw new OAuthError('access_denied', 'Your session has ended already; sign in again');
      await this.devices.answer(id, { kind: 'allowed', sessionId });
    } catch (error) {
      await this.devices.answer(id, { kind: 'denied' });
      throw error;
    }
  }
}

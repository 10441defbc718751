import { Controller, Get, HttpCode, Inject, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Applications, type Application } from '@app/clients';
import { GATEHOUSE_CONFIG, type GatehouseConfig } from '@app/config';
import { ApiContract, Lockout, noStore, Public, RateClass, readBody, readQuery, remoteAddress } from '@app/edge';
import { DEVICE_CODE_GRANT, OAuthError, readUserCode, shownUserCode } from '@app/oauth2';
import { DeviceAuthorizations, type AskingDevice } from '@app/tokens';
import { z } from 'zod';
import { ApplicationOutcome } from '../applications/application-outcome.js';
import { BrowserSessions } from '../applications/browser-sessions.js';
import type { AuthorizationRequest } from '../authorization-request.js';
import { BrowserBinding } from '../browser-binding.js';
import { refusingHere } from '../login-errors.js';
import { LoginFlow } from '../login-flow.js';
import { wantsHtml } from '../page.js';
import { ProviderChoice } from '../provider-choice.js';
import { sendCodePage, sendDeviceSignInPage } from './device-pages.js';
import { DeviceVisits } from './device-visits.js';

const LinkSchema = z.object({
  user_code: z.string().max(200).default('').describe('Stands in the field; the person sends it'),
});
const CodeSchema = z.object({
  user_code: z.string().max(200).default(''),
  proof: z.string().max(100).describe('From the page'),
});
const SignInSchema = z.object({
  ticket: z.string().max(100),
  idp: z.string().max(100).describe('The provider that the person chose'),
});

const CONTRACT = { tag: 'OAuth', access: 'public', errors: [400, 403, 429, 500, 503] } as const;

/** Guesses of any code from one address count together (RFC 8628 §5.1). */
const GUESSED = 'device-user-code';

/**
 * Where a person answers a device (RFC 8628 §3.3): the code, then a sign-in where this browser has none, then the consent
 * page, always. Pages without script; whatever is sent proves by the browser's cookie, which is `SameSite=Lax`, and by a
 * field of the page that no other site sent it (D38).
 */
@Controller('device')
@Public()
@RateClass('interactive')
export class DeviceController {
  private readonly browsers: BrowserBinding;

  constructor(
    private readonly devices: DeviceAuthorizations,
    private readonly visits: DeviceVisits,
    private readonly applications: Applications,
    private readonly browserSessions: BrowserSessions,
    private readonly outcome: ApplicationOutcome,
    private readonly choice: ProviderChoice,
    private readonly flow: LoginFlow,
    private readonly lockout: Lockout,
    @Inject(GATEHOUSE_CONFIG) private readonly config: GatehouseConfig,
  ) {
    this.browsers = new BrowserBinding(config.publicUrl);
  }

  @Get()
  @ApiContract({
    ...CONTRACT,
    summary: 'Ask the person for the code of a device (RFC 8628)',
    query: LinkSchema,
    responses: { 200: { description: 'The page' } },
  })
  async ask(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    await refusingHere(request, reply, async () => {
      const { user_code: linked } = readQuery(LinkSchema, request);
      // Not looked up: a link, or a picture on some page, would guess in this person's name.
      const code = readUserCode(linked);
      const typed = code === undefined ? linked : shownUserCode(code);
      await sendCodePage(reply, { proof: this.browsers.bind(request, reply), typed });
    });
  }

  @Post()
  @HttpCode(200)
  @ApiContract({
    ...CONTRACT,
    summary: 'The person sends the code',
    body: CodeSchema,
    bodyTypes: ['application/x-www-form-urlencoded'],
    responses: {
      200: { description: 'A page: whose device it is, and where to sign in' },
      303: { description: 'To the consent page, where the person is signed in' },
    },
  })
  async read(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    await refusingHere(request, reply, async () => {
      noStore(reply);
      const { user_code: typed, proof } = readBody(CodeSchema, request);
      if (!this.browsers.matches(request, proof))
        throw new OAuthError('invalid_request', 'This form is of another browser, or cookies are off; open it anew');
      const device = await this.guessed(typed, request);
      if (typeof device === 'string') return refuseCode(request, reply, { proof, typed, fault: device });
      await this.goOn(device, proof, request, reply);
    });
  }

  @Get('sign-in')
  @ApiContract({
    ...CONTRACT,
    summary: 'Sign in for a device whose code was sent',
    query: SignInSchema,
    responses: { 302: { description: 'To the identity provider, or to the consent page' } },
  })
  async signIn(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    await refusingHere(request, reply, async () => {
      const { ticket, idp } = readQuery(SignInSchema, request);
      const visit = await this.visits.find(ticket);
      if (visit === undefined || !this.browsers.matches(request, visit.browser))
        throw new OAuthError('invalid_request', 'This page is too old, or of another browser; type the code again');
      await this.flow.begin({ ...visit.asked, idp }, request, reply);
    });
  }

  /** The device that shows this code, or what is wrong with the code. A code that none shows is a guess. */
  private async guessed(typed: string, request: FastifyRequest): Promise<AskingDevice | string> {
    const address = remoteAddress(request);
    await this.lockout.assertOpen(GUESSED, address);
    const code = readUserCode(typed);
    if (code === undefined) return 'This is no code of a device: it has eight letters, and none of A, E, I, O, U or Y.';
    const device = await this.devices.find(code);
    if (device !== undefined) return device;
    await this.lockout.failed(GUESSED, address);
    return 'No device shows this code now. Look again; after ten minutes a device shows another one.';
  }

  private async goOn(
    device: AskingDevice,
    browser: string,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<void> {
    const application = await this.applications.find(device.clientId);
    if (application?.grantTypes.includes(DEVICE_CODE_GRANT) !== true)
      throw new OAuthError('access_denied', 'The application on this device is switched off');
    const asked = deviceRequest(device, application);
    const session = await this.browserSessions.find(request);
    if (session?.organizationId === application.organizationId)
      return this.outcome.proceed(asked, session, request, reply);
    const ticket = await this.visits.save({ asked, browser });
    const providers = this.choice.links(asked.organization, (idp) => {
      const query = new URLSearchParams({ ticket, idp });
      return `${this.config.publicUrl}/device/sign-in?${query.toString()}`;
    });
    await sendDeviceSignInPage(reply, { application, userCode: device.userCode, providers });
  }
}

/** A page for browsers, where the code can be corrected; JSON for everybody else (D34). */
async function refuseCode(
  request: FastifyRequest,
  reply: FastifyReply,
  page: Parameters<typeof sendCodePage>[1] & { readonly fault: string },
): Promise<void> {
  if (!wantsHtml(request)) throw new OAuthError('invalid_request', page.fault);
  await sendCodePage(reply, page);
}

/** A device's question as a login knows requests; it has nothing of what a redirect would need. */
function deviceRequest(
  { id, userCode, scopes, resource }: AskingDevice,
  application: Application,
): AuthorizationRequest {
  return {
    idp: undefined,
    organization: application.organizationName,
    clientId: application.clientId,
    party: 'application',
    delivery: { kind: 'device', id, userCode },
    namedTarget: undefined,
    scopes,
    state: undefined,
    nonce: undefined,
    loginHint: undefined,
    prompt: undefined,
    maxAge: undefined,
    acrValues: undefined,
    uiLocales: undefined,
    resource,
  };
}

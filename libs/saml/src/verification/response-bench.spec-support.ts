import { makeIdpKey, SigningIdp, type IdpKey, type ResponseOptions } from '../../../../test/harness/saml-idp.js';
import { startTestVerifier } from '../../../../test/harness/saml-workers.js';
import type { AssertionFacts, ResponseFacts } from '../message-facts.js';
import type { ResponseJob, Verified } from '../saml-verifier.js';
import { firstFailure, type Verdict } from '../verdict.js';

export const BASE = {
  now: new Date('2026-01-01T12:00:00Z'),
  acsUrl: 'https://sp.test/saml/acs',
  audience: 'https://sp.test',
  inResponseTo: '_request',
};

/** An IdP of each kind of key, a key of ours, and a verifier in its worker. */
export class ResponseBench {
  private constructor(
    readonly verifier: Awaited<ReturnType<typeof startTestVerifier>>,
    readonly idp: SigningIdp,
    readonly ecIdp: SigningIdp,
    readonly sp: IdpKey,
  ) {}

  static async open(): Promise<ResponseBench> {
    const [verifier, idp, ecIdp, sp] = await Promise.all([
      startTestVerifier(),
      SigningIdp.create(),
      SigningIdp.create({ keyType: 'ec' }),
      makeIdpKey({ type: 'rsa' }),
    ]);
    return new ResponseBench(verifier, idp, ecIdp, sp);
  }

  close(): Promise<void> {
    return this.verifier.close();
  }

  verify(samlResponse: string, job: Partial<ResponseJob> = {}): Promise<Verified<ResponseFacts>> {
    return this.verifier.verifyResponse({
      samlResponse,
      engine: 'strict',
      certificates: [this.idp.certificate],
      decryptionKeys: [this.sp.privateKey],
      legacyEncryption: false,
      ...job,
    });
  }

  respond(options: Partial<ResponseOptions> = {}, from = this.idp): string {
    return from.response({ ...BASE, ...options }).value;
  }

  /** The failed check's name, of both engines; they must be of one mind. */
  async checkOf(samlResponse: string, job: Partial<ResponseJob> = {}): Promise<string> {
    const checks = await Promise.all(
      (['strict', 'node-saml'] as const).map(
        async (engine) => this.failureOf(await this.verify(samlResponse, { ...job, engine }))?.check ?? 'accepted',
      ),
    );
    return [...new Set(checks)].join(' / ');
  }

  failureOf(verified: Verified<unknown>): Verdict | undefined {
    expect(verified.ok).toBe(firstFailure(verified.verdicts) === undefined);
    return firstFailure(verified.verdicts);
  }

  async factsOf(samlResponse: string, job: Partial<ResponseJob> = {}): Promise<ResponseFacts> {
    const verified = await this.verify(samlResponse, job);
    if (!verified.ok) throw new Error(JSON.stringify(firstFailure(verified.verdicts)));
    return verified.facts;
  }

  async assertionOf(samlResponse: string, job: Partial<ResponseJob> = {}): Promise<AssertionFacts> {
    const { assertion } = await this.factsOf(samlResponse, job);
    if (assertion === undefined) throw new Error('no assertion');
    return assertion;
  }
}

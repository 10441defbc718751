import fc from 'fast-check';
import { mintOpaqueToken } from '@app/oauth2';
import { apiKeyHandle, presentedCredential } from './presented-credential.js';

const KEY = mintOpaqueToken('ak');
const ID = `st_${'A'.repeat(22)}`;
const apiKey = { kind: 'key', key: { kind: 'api_key', handle: apiKeyHandle(KEY), secret: KEY } };
const serviceToken = { kind: 'key', key: { kind: 'service_token', handle: ID, secret: 'gth_st_x' } };

describe('D28 what a call brings along', () => {
  it.each([
    [undefined, undefined, { kind: 'none' }],
    ['', '', { kind: 'none' }],
    [undefined, KEY, apiKey],
    ['', KEY, apiKey],
    [`Bearer ${KEY}`, undefined, apiKey],
    [`bearer  ${KEY} `, '', apiKey],
    ['Bearer aaa.bbb.ccc', undefined, { kind: 'access-token' }],
    ['DPoP aaa.bbb.ccc', undefined, { kind: 'access-token' }],
    [`${ID}:gth_st_x`, undefined, serviceToken],
    [`ServiceToken ${ID}:gth_st_x`, undefined, serviceToken],
    [`serviceToken  ${ID}:gth_st_x `, undefined, serviceToken],
  ])('reads %j with X-API-Key %j', (authorization, header, expected) => {
    expect(presentedCredential(authorization, header)).toEqual(expected);
  });

  it.each([
    ['Bearer', undefined],
    ['Bearer a b', undefined],
    ['Basic YTpi', undefined],
    ['id:secret', undefined],
    [`${ID}:`, undefined],
    [`${ID}:a b`, undefined],
    [`${ID}:${'x'.repeat(201)}`, undefined],
    [`Bearer gth_ak_${'A'.repeat(49)}`, undefined],
    [`Bearer ${KEY}`, KEY],
    ['Bearer aaa.bbb.ccc', KEY],
    ['DPoP aaa.bbb.ccc', KEY],
    [`DPoP ${KEY}`, undefined],
    [undefined, 'aaa.bbb.ccc'],
    [undefined, mintOpaqueToken('rt')],
    [undefined, [KEY, KEY]],
  ])('D45 believes nothing of %j with X-API-Key %j', (authorization, header) => {
    expect(presentedCredential(authorization, header)).toEqual({ kind: 'unusable', reason: expect.any(String) });
  });

  it('shows of a key a beginning that leaves more than 128 bits to guess', () => {
    const secretCharacters = KEY.length - 'gth_ak_'.length - 6 - (apiKeyHandle(KEY).length - 'gth_ak_'.length);
    expect(secretCharacters * 6).toBeGreaterThan(128);
  });

  it('never throws, and reads a key only from what has the form of one', () => {
    fc.assert(
      fc.property(fc.option(fc.string(), { nil: undefined }), fc.option(fc.string(), { nil: undefined }), (a, b) => {
        const { kind } = presentedCredential(a, b);
        expect(['none', 'unusable', 'access-token']).toContain(kind);
      }),
    );
  });
});

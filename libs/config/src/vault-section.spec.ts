import { faultsOf, faultyKeys, load } from './load-for-spec.js';

const yaml = (...urls: unknown[]) => JSON.stringify({ vault: { redirect_urls: urls } });

describe('R18 vault.redirect_urls', () => {
  it('holds https and loopback addresses, with ports and queries', () => {
    const urls = ['https://app.example/connected', 'https://app.example:8443/?x=1', 'http://localhost:3000/done'];
    expect(load({}, yaml(...urls)).vault.redirectUrls).toEqual(urls);
  });

  it.each([
    ['http://app.example/', 'must be https'],
    ['javascript:alert(1)', 'must be https'],
    ['https://app.example/#done', 'fragment'],
    ['https://user:pw@app.example/', 'user name'],
    ['https://*.app.example/', 'wildcard'],
    ['https://APP.example/', 'normal form; write https://app.example/'],
    ['https://app.example', 'normal form'],
    ['/connected', 'not an absolute URL'],
  ])('refuses %s and says how to mend it', (url, reason) => {
    expect(faultsOf({}, yaml('https://good.example/', url))).toEqual([
      { key: 'vault.redirect_urls[1]', message: expect.stringContaining(reason) as string },
    ]);
  });

  it('says everything at once, and refuses what stands twice or is no text', () => {
    const urls = ['x', 'https://a.example/', 'https://a.example/', 4];
    expect(faultyKeys({}, yaml(...urls)).toSorted()).toEqual([
      'vault.redirect_urls[0]',
      'vault.redirect_urls[2]',
      'vault.redirect_urls[3]',
    ]);
  });
});

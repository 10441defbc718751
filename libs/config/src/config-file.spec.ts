import { faultsOf, load, refusalOf } from './load-for-spec.js';

const nameOf = (env: NodeJS.ProcessEnv, name: string): string | undefined =>
  load(env, `oauth_providers: [{ id: a, type: test, name: ${JSON.stringify(name)} }]`).providers[0]?.name;

describe('${NAME} in the file', () => {
  it('is replaced inside text, as often as it stands there', () => {
    expect(nameOf({ A: 'one', B_2: 'two' }, '<${A}|${B_2}|${A}>')).toBe('<one|two|one>');
  });

  it('is replaced once: a value is not read again', () => {
    expect(nameOf({ A: '${B}', B: 'no' }, '${A}')).toBe('${B}');
    expect(nameOf({ A: '$&$1' }, '${A}')).toBe('$&$1');
  });

  it('cannot add keys or lists', () => {
    expect(nameOf({ A: 'x", "icon": "y' }, '${A}')).toBe('x", "icon": "y');
  });

  it('is written $${ where it is meant literally, and a lone $ is nothing special', () => {
    expect(nameOf({ A: 'x' }, '$${A} $A $ {A} $')).toBe('${A} $A $ {A} $');
  });

  it('may hold a number or a switch', () => {
    const config = load({ P: '81', OFF: 'false' }, 'port: ${P}\nfragment_delivery: ${OFF}');
    expect([config.port, config.fragmentDelivery]).toEqual([81, false]);
  });

  it.each(['${', '${A', '${}', '${A-B}', '${A:-x}', '${ A }', '${1A}'])('refuses the malformed %s', (text) => {
    expect(faultsOf({ A: 'x' }, `host: ${JSON.stringify(text)}`)).toEqual([
      { key: 'host', message: expect.stringContaining('malformed') },
    ]);
  });

  it('names key and variable for each one that is not set or empty, and says no more about those keys', () => {
    const yaml =
      'port: ${P}\nadmins: ["${A}"]\noauth_providers: [{ id: "${I}", type: oidc, issuer: "${U}", client_id: x }]';
    expect(faultsOf({ U: '' }, yaml)).toEqual([
      { key: 'port', message: expect.stringContaining('variable P is not set') },
      { key: 'admins[0]', message: expect.stringContaining('variable A is not set') },
      { key: 'oauth_providers[0].id', message: expect.stringContaining('variable I is not set') },
      { key: 'oauth_providers[0].issuer', message: expect.stringContaining('variable U is not set') },
    ]);
  });
});

describe('the YAML', () => {
  it.each([
    ['port: 1\nport: 2', 'line 2, column 1: a key is given twice'],
    ['host: "x', 'is not closed'],
    ['outbound:\n\tx: 1', 'tab'],
    ['host: a\n---\nhost: b', 'several documents'],
    ['host: *nowhere', 'its aliases cannot be resolved'],
    ['- 1', 'at its top level'],
    ['text', 'at its top level'],
  ])('%j is refused', (text, reason) => {
    expect(refusalOf({}, text).message).toContain(reason);
    expect(refusalOf({}, text).faults[0]?.key).toBe('GATEHOUSE_CONFIG');
  });

  it('may use anchors, but not to multiply', () => {
    expect(load({}, 'host: &h a\ndata_dir: *h').host).toBe('a');
    const lines = ['l0: &l0 [x, x, x, x, x, x, x, x, x, x]'];
    for (let level = 1; level < 8; level++) {
      const alias = `*l${level - 1}`;
      lines.push(`l${level}: &l${level} [${Array.from({ length: 10 }, () => alias).join(', ')}]`);
    }
    expect(refusalOf({}, lines.join('\n')).message).toContain('multiply');
  });

  it.each([
    ['prot: 1', 'prot', 'did you mean port?'],
    ['clientCallbacks: []', 'clientCallbacks', 'did you mean client_callbacks?'],
    ['oauth-providers: []', 'oauth-providers', 'did you mean oauth_providers?'],
    ['lifetimes: { refresh_idle_second: 5 }', 'lifetimes.refresh_idle_second', 'did you mean refresh_idle_seconds?'],
    ['outbound: { alow_private: on }', 'outbound.alow_private', 'did you mean allow_private?'],
    ['something_else: 1', 'something_else', 'remove it'],
    ['__proto__: { port: 1 }', '__proto__', 'remove it'],
    ['constructor: 1', 'constructor', 'remove it'],
  ])('%s is an unknown key', (text, key, hint) => {
    expect(faultsOf({}, text)).toEqual([{ key, message: `is not a known setting; ${hint}` }]);
  });
});

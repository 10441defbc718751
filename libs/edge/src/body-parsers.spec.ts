import fc from 'fast-check';
import { OAuthError } from '@app/oauth2';
import { BODY_LIMIT_BYTES, parseFormBody, parseJsonBody, REPEATED_NAMES } from './body-parsers.js';
import { MAX_JSON_DEPTH } from './json-scan.js';

const json = (text: string) => parseJsonBody(Buffer.from(text));
const form = (text: string) => parseFormBody(Buffer.from(text));

function refusal(parse: () => unknown): string {
  try {
    parse();
  } catch (error) {
    if (error instanceof OAuthError && error.code === 'invalid_request') return error.description;
    throw error;
  }
  throw new Error('was not refused');
}

const names = fc.string({ minLength: 1 }).filter((name) => !['__proto__', 'constructor', 'prototype'].includes(name));

describe('D2 JSON bodies', () => {
  it('reads an empty body as no fields', () => {
    expect(Object.keys(parseJsonBody(Buffer.alloc(0)))).toEqual([]);
  });

  it('reads any object as JSON.parse does', () => {
    fc.assert(
      fc.property(fc.dictionary(names, fc.jsonValue({ maxDepth: 3 })), (value) => {
        const text = JSON.stringify(value);
        fc.pre(!/__proto__|constructor|prototype/.test(text));
        expect({ ...json(text) }).toEqual(JSON.parse(text));
      }),
    );
  });

  it('gives the body no prototype, so no name in it is there before it is sent', () => {
    expect(Object.getPrototypeOf(json('{"a":1}'))).toBeNull();
    expect('toString' in json('{}')).toBe(false);
  });

  it.each([
    ['an array', '[]'],
    ['a string', '"grant_type"'],
    ['null', 'null'],
    ['a number', '1'],
  ])('refuses %s where an object belongs', (_what, text) => {
    expect(refusal(() => json(text))).toMatch(/JSON object/);
  });

  it('refuses what is not JSON without quoting it: it may hold a secret', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        let valid = true;
        try {
          JSON.parse(text);
        } catch {
          valid = false;
        }
        fc.pre(!valid && text !== '');
        expect(refusal(() => json(text))).toBe('The request body is not valid JSON');
      }),
    );
  });

  it('refuses bytes that are not UTF-8 instead of repairing them', () => {
    expect(refusal(() => parseJsonBody(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])))).toMatch(/UTF-8/);
  });

  it.each(['__proto__', 'constructor', 'prototype'])(
    'refuses the key %s at any depth and however it is escaped',
    (key) => {
      const escaped = [...key].map((c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`).join('');
      for (const spelling of [key, escaped]) {
        expect(refusal(() => json(`{"${spelling}":{}}`))).toContain(key);
        expect(refusal(() => json(`{"a":[{"b":{"${spelling}":1}}]}`))).toContain(key);
      }
      expect(json(`{"a":"${key}"}`)['a']).toBe(key);
    },
  );

  it('refuses deep nesting, and says the limit', () => {
    const nested = (depth: number) => `{"a":${'['.repeat(depth)}${']'.repeat(depth)}}`;
    expect(refusal(() => json(nested(MAX_JSON_DEPTH)))).toContain(String(MAX_JSON_DEPTH));
    expect(json(nested(MAX_JSON_DEPTH - 1))).toBeDefined();
    expect(refusal(() => json(`{"a":${'['.repeat(30_000)}${']'.repeat(30_000)}}`))).toMatch(/nested/);
  });
});

describe('RFC 6749 §3.2', () => {
  it('remembers every repeated name of a JSON object, however it is spelled', () => {
    expect([...(json('{"a":1,"\\u0061":2,"b":{"a":1,"a":2}}')[REPEATED_NAMES] ?? [])]).toEqual(['a']);
    expect(json('{"a":1,"b":"\\"a\\":","c":{"a":1}}')[REPEATED_NAMES]).toBeUndefined();
  });

  it('finds the repeated names of any object', () => {
    const member = fc.tuple(names, fc.jsonValue({ maxDepth: 2 }));
    fc.assert(
      fc.property(fc.array(member, { maxLength: 8 }), (members) => {
        const text = `{${members.map(([name, value]) => `${JSON.stringify(name)}: ${JSON.stringify(value)}`).join(' , ')}}`;
        fc.pre(!/__proto__|constructor|prototype/.test(text));
        const sent = members.map(([name]) => name);
        const expected = new Set(sent.filter((name, index) => sent.indexOf(name) !== index));
        expect(new Set(json(text)[REPEATED_NAMES])).toEqual(expected);
      }),
    );
  });

  it('remembers every repeated name of a form and keeps the first value', () => {
    const body = form('code=1&a=2&c%6fde=3&code');
    expect([...(body[REPEATED_NAMES] ?? [])]).toEqual(['code']);
    expect(body['code']).toBe('1');
  });
});

describe('D11 form bodies', () => {
  it('reads what URLSearchParams writes', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.string()), (value) => {
        const text = new URLSearchParams(Object.entries(value)).toString();
        expect({ ...form(text) }).toEqual({ ...value });
      }),
    );
  });

  it('agrees with URLSearchParams on any text that it does not refuse', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-c=&+%0-9A-F]{0,40}$/), (text) => {
        let body;
        try {
          body = form(text);
        } catch (error) {
          expect(error).toBeInstanceOf(OAuthError);
          return;
        }
        const params = new URLSearchParams(text);
        const sent = [...params.keys()];
        for (const name of sent) expect(body[name]).toBe(params.get(name));
        expect(Object.keys(body).toSorted()).toEqual([...new Set(sent)].toSorted());
        const repeated = sent.filter((name, index) => sent.indexOf(name) !== index);
        expect(new Set(body[REPEATED_NAMES])).toEqual(new Set(repeated));
      }),
    );
  });

  it.each(['a=%', 'a=%z1', 'a=%4', 'a=%ff', '%c0%af=1'])('refuses %s: no valid UTF-8 comes out of it', (text) => {
    expect(refusal(() => form(text))).toMatch(/percent sequence/);
  });

  it('refuses raw bytes that are not UTF-8', () => {
    expect(refusal(() => parseFormBody(Buffer.from([0x61, 0x3d, 0xe9])))).toMatch(/UTF-8/);
  });

  it('takes a name like __proto__ as a name', () => {
    expect(Object.getPrototypeOf(form('__proto__=1&constructor=2'))).toBeNull();
  });

  it('refuses more fields than any client sends', () => {
    expect(refusal(() => form('a=1&'.repeat(300)))).toMatch(/200 fields/);
  });

  it('costs little at the size limit, whatever is in it (R13)', () => {
    for (const unit of ['%', '+', '&', '=', '\\', '[', '{"', '"'])
      for (const parse of [parseFormBody, parseJsonBody])
        expect(() => {
          try {
            parse(Buffer.from(unit.repeat(BODY_LIMIT_BYTES / unit.length)));
          } catch (error) {
            if (!(error instanceof OAuthError)) throw error;
          }
        }).not.toThrow();
  });
});

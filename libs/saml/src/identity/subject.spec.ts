import fc from 'fast-check';
import type { AssertionFacts, Attribute, NameId } from '../message-facts.js';
import { firstFailure } from '../verdict.js';
import { anAssertion, PERSISTENT } from '../validation/facts.spec-support.js';
import { subjectKey } from './subject-key.js';
import { checkNameId, readSubject } from './subject.js';

const SUBJECT_ID = 'urn:oasis:names:tc:SAML:attribute:subject-id';
const PAIRWISE_ID = 'urn:oasis:names:tc:SAML:attribute:pairwise-id';
const TRANSIENT = 'urn:oasis:names:tc:SAML:2.0:nameid-format:transient';

const attribute = (name: string, ...values: string[]): Attribute => ({
  name,
  friendlyName: undefined,
  nameFormat: undefined,
  values,
});
const nameId = (value: string, format: string | undefined = PERSISTENT): NameId => ({
  format,
  nameQualifier: undefined,
  spNameQualifier: undefined,
  value,
});

function subjectOf(parts: Partial<AssertionFacts>, configured: readonly string[] = []): string | undefined {
  const { subject, verdicts } = readSubject(anAssertion(parts), configured);
  expect(subject === undefined).toBe(firstFailure(verdicts) !== undefined);
  return subject;
}

function refusal(parts: Partial<AssertionFacts>, configured: readonly string[] = []) {
  const failure = firstFailure(readSubject(anAssertion(parts), configured).verdicts);
  return failure && `${failure.check}: ${failure.found}`;
}

describe('D46', () => {
  it('makes the subject of every part of the NameID', () => {
    expect(subjectOf({ nameIds: [nameId('alice')] })).toBe(subjectKey(nameId('alice')));
    const qualified = { ...nameId('alice'), nameQualifier: 'https://idp.test', spNameQualifier: 'https://gate.test' };
    expect(subjectOf({ nameIds: [qualified] })).toBe(subjectKey(qualified));
  });

  it('prefers subject-id, then pairwise-id, to the NameID', () => {
    const attributes = [attribute(PAIRWISE_ID, 'p1@x.test'), attribute(SUBJECT_ID, 's1@x.test')];
    expect(subjectOf({ attributes })).toBe('subject-id:s1@x.test');
    expect(subjectOf({ attributes: attributes.slice(0, 1) })).toBe('pairwise-id:p1@x.test');
    expect(subjectOf({ attributes, nameIds: [nameId('_t', TRANSIENT)] })).toBe('subject-id:s1@x.test');
  });

  it('takes subject-ids that differ by case for one, as their specification does', () => {
    expect(subjectOf({ attributes: [attribute(SUBJECT_ID, 'S1@X.test')] })).toBe('subject-id:s1@x.test');
  });

  it('keeps who people are where the record says NameID, though the IdP sends more', () => {
    const attributes = [attribute(SUBJECT_ID, 's1@x.test'), attribute('NameID', 'mallory')];
    expect(subjectOf({ attributes }, ['NameID'])).toBe(subjectKey(nameId('alice')));
  });

  it('takes the configured attribute alone, and refuses where it is absent', () => {
    const attributes = [attribute('uid', 'a1'), attribute(SUBJECT_ID, 's1@x.test')];
    expect(subjectOf({ attributes }, ['uid'])).toBe('attribute:["uid","a1"]');
    expect(refusal({ attributes }, ['employeeNumber'])).toBe('subject: none');
    expect(subjectOf({ attributes }, ['employeeNumber', 'uid'])).toBe('attribute:["uid","a1"]');
    expect(subjectOf({ attributes }, ['employeeNumber', 'NameID'])).toBe(subjectKey(nameId('alice')));
    expect(subjectOf({ attributes }, [SUBJECT_ID])).toBe('subject-id:s1@x.test');
  });

  it('reads a friendly name only where no attribute has that Name, and keys by the Name', () => {
    const formal = { ...attribute('urn:oid:0.9.2342.19200300.100.1.1', 'a1'), friendlyName: 'uid' };
    expect(subjectOf({ attributes: [formal] }, ['uid'])).toBe('attribute:["urn:oid:0.9.2342.19200300.100.1.1","a1"]');
    expect(subjectOf({ attributes: [formal, attribute('uid', 'a2')] }, ['uid'])).toBe('attribute:["uid","a2"]');
    const twin = { ...attribute('urn:other', 'a1'), friendlyName: 'uid' };
    expect(refusal({ attributes: [formal, twin] }, ['uid'])).toBe('subject: "a1", "a1"');
  });

  it('lets no attribute’s value stand for a NameID, nor for another attribute', () => {
    const claim = fc.record({
      kind: fc.constantFrom('nameId', 'uid', 'mail', SUBJECT_ID),
      value: fc.oneof(
        fc.constantFrom('["uid","a"]', 'attribute:["uid","a"]', 'subject-id:a@b', 'a@b', subjectKey(nameId('a'))),
        fc.string({ minLength: 1 }),
      ),
    });
    const keyOf = ({ kind, value }: { kind: string; value: string }) =>
      kind === 'nameId'
        ? readSubject(anAssertion({ nameIds: [nameId(value)] }), []).subject
        : readSubject(anAssertion({ attributes: [attribute(kind, value)] }), [kind]).subject;
    fc.assert(
      fc.property(claim, claim, (one, other) => {
        const keys = [keyOf(one), keyOf(other)];
        if (keys[0] === undefined || keys[0] !== keys[1]) return;
        expect(one.kind).toBe(other.kind);
        if (one.kind !== SUBJECT_ID) expect(one.value).toBe(other.value);
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('the identity of an assertion', () => {
  it('is never a transient NameID, nor that of an entity', () => {
    expect(refusal({ nameIds: [nameId('_t', TRANSIENT)] })).toBe(`subject: a NameID of format "${TRANSIENT}"`);
    expect(refusal({ nameIds: [nameId('_t', TRANSIENT)] }, ['NameID'])).toContain('subject: a NameID of format');
    const entity = 'urn:oasis:names:tc:SAML:2.0:nameid-format:entity';
    expect(refusal({ nameIds: [nameId('https://idp.test', entity)] })).toContain('subject:');
    expect(subjectOf({ nameIds: [nameId('_t', TRANSIENT)], attributes: [attribute('uid', 'a1')] }, ['uid'])).toBe(
      'attribute:["uid","a1"]',
    );
  });

  it('is not what an attribute calls NameID (R1)', () => {
    expect(refusal({ nameIds: [], attributes: [attribute('nameID', 'bob'), attribute('NameID', 'bob')] })).toBe(
      'name-id: none',
    );
  });

  it('needs no NameID where an attribute is configured', () => {
    expect(subjectOf({ nameIds: [], attributes: [attribute('uid', 'a1')] }, ['uid'])).toBe('attribute:["uid","a1"]');
    expect(refusal({ nameIds: [], attributes: [attribute(SUBJECT_ID, 's1@x.test')] })).toBe('name-id: none');
    expect(refusal({ nameIds: [] }, ['NameID'])).toBe('name-id: none');
  });

  it('is refused where two things could be it', () => {
    expect(refusal({ nameIds: [nameId('alice'), nameId('bob')] })).toBe('name-id: 2 NameIDs');
    expect(refusal({ nameIds: [nameId('alice'), nameId('alice')] })).toBe('name-id: 2 NameIDs');
    expect(refusal({ attributes: [attribute('uid', 'a1', 'a2')] }, ['uid'])).toBe('subject: "a1", "a2"');
    expect(subjectOf({ attributes: [attribute('uid', 'a1', '', 'a1')] }, ['uid'])).toBe('attribute:["uid","a1"]');
  });

  it('is refused where a subject-id is malformed, instead of becoming another one', () => {
    expect(refusal({ attributes: [attribute(SUBJECT_ID, 'alice')] })).toBe('subject: "alice"');
    expect(refusal({ attributes: [attribute(SUBJECT_ID, 'älice@x.test')] })).toBe('subject: "älice@x.test"');
    expect(refusal({ attributes: [attribute(SUBJECT_ID, `${'a'.repeat(128)}@x.test`)] })).toContain('subject:');
    expect(refusal({ attributes: [attribute(SUBJECT_ID)] })).toBe('subject: none');
  });

  it('is refused where no key can be made of it (R28)', () => {
    expect(refusal({ nameIds: [nameId(' ')] })).toContain('name-id:');
    expect(refusal({ nameIds: [nameId('a\u0000')] })).toContain('which holds control characters');
    expect(refusal({ attributes: [attribute('uid', 'a\u0000')] }, ['uid'])).toContain('which holds control characters');
    expect(refusal({ attributes: [attribute('uid', 'x'.repeat(1_500))] }, ['uid'])).toContain('more than 1500');
  });
});

describe('checkNameId', () => {
  it('shows the name and its format', () => {
    expect(checkNameId([{ ...nameId('alice'), format: undefined }]).found).toBe(
      '"alice" of format "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified"',
    );
  });
});

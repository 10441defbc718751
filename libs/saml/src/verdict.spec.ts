import { failed, passed, verdictsForRecord } from './verdict.js';

describe('R31 verdicts that are stored', () => {
  it('keep what failed whole, and of what passed no value: those name the person', () => {
    const audience = failed('audience', 'ours', '"another"');
    expect(verdictsForRecord([passed('name-id', 'a NameID', '"alice@corp.test"'), audience])).toEqual([
      { check: 'name-id', ok: true },
      audience,
    ]);
  });
});

import type { SamlProviderConfig } from '@app/config';
import type { Attribute } from '../message-facts.js';
import { failed, passed, quoteFound, type Verdict } from '../verdict.js';
import { GROUP_NAMES, GROUPS_LINK } from './attribute-names.js';
import { readFirst, readValues } from './attribute-reading.js';

const MOST_GROUPS = 1_000;
const LONGEST_GROUP = 256;
const UNSTORABLE = /[\p{Cc}\p{Cs}]/u;

interface GroupsReading {
  /** Undefined exactly where the verdict is not ok. */
  readonly groups: readonly string[] | undefined;
  readonly verdict: Verdict;
}

/**
 * The groups that an assertion names, byte for byte, each once, in the order of the message; those that the provider's
 * prefixes do not cover are left out first. Groups grant rights, and take rights away where a rule says so: what cannot
 * be kept is therefore never passed over in silence but refuses the login (R28), and the verdict says which it was.
 */
export function readGroups(attributes: readonly Attribute[], provider: SamlProviderConfig): GroupsReading {
  const { attributes: names, groupPrefixes } = provider;
  const values = readFirst(attributes, names.groups.length > 0 ? names.groups : GROUP_NAMES);
  const wanted = values.filter(
    (group) => groupPrefixes.length === 0 || groupPrefixes.some((prefix) => group.startsWith(prefix)),
  );
  const groups = [...new Set(wanted)];
  const expected = `at most ${MOST_GROUPS} groups of at most ${LONGEST_GROUP} characters`;
  const refuse = (found: string): GroupsReading => ({ groups: undefined, verdict: failed('groups', expected, found) });
  if (values.length === 0 && readValues(attributes, GROUPS_LINK).length > 0) {
    return refuse(
      'a link to the groups instead of them: the IdP must be set to send only groups assigned to the application',
    );
  }
  if (groups.length > MOST_GROUPS) return refuse(`${groups.length} groups`);
  const unfit = groups.find((group) => group.length > LONGEST_GROUP || UNSTORABLE.test(group));
  if (unfit !== undefined) return refuse(`${quoteFound(unfit)}, with ${unfit.length} characters`);
  return { groups, verdict: passed('groups', expected, `${groups.length} of ${values.length} taken over`) };
}

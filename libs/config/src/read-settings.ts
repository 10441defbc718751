import type { z } from 'zod';
import { isRecord, type SettingsDocument } from './config-file.js';
import type { FaultCollector } from './configuration-error.js';
import { nearName } from './near-name.js';
import { keysAt } from './schema-shape.js';
import type { NameSetting, SettingPath } from './setting-key.js';
import { settingsSchema, type Settings } from './settings.schema.js';

type Issue = z.core.$ZodIssue;

/** Only what zod would say in its own words; the schemas bring their own messages for the rest. */
const describeIssue: z.core.$ZodErrorMap = (issue) => {
  if (issue.code === 'invalid_value')
    return `must be ${issue.values.map(String).join(', ')}`.replace(/, ([^,]*)$/, ' or $1');
  return undefined;
};

function absenceOf(value: unknown): string | undefined {
  if (value === undefined) return 'is missing; add it';
  return value === null ? 'has no value; give it one, or remove the key' : undefined;
}

/**
 * Validates the document. Faults go to the collector, and what is faulty is left out, so that the rules which compare
 * several settings can still look at the others.
 */
export function readSettings(document: SettingsDocument, nameOf: NameSetting, faults: FaultCollector): Settings {
  const result = settingsSchema.safeParse(document, { error: describeIssue });
  if (result.success) return result.data;
  const issues = result.error.issues.flatMap(unfold);
  for (const issue of issues) reportIssue(issue, document, nameOf, faults);
  return settingsSchema.parse(withoutFaulty(document, issues));
}

/** An entry that is neither of two spellings: the faults of the section are the ones that help, if it is a section. */
function unfold(issue: Issue): Issue[] {
  if (issue.code !== 'invalid_union' || issue.path[0] !== 'client_callbacks') return [issue];
  const faultsInside = issue.errors.find((errors) =>
    errors.some((candidate) => candidate.code !== 'invalid_type' || candidate.path.length > 0),
  );
  return faultsInside?.map((candidate) => placedAt(issue.path, candidate)) ?? [issue];
}

const placedAt = (path: readonly PropertyKey[], issue: Issue): Issue => ({ ...issue, path: [...path, ...issue.path] });

function reportIssue(issue: Issue, document: SettingsDocument, nameOf: NameSetting, faults: FaultCollector): void {
  const path = settingPath(issue.path);
  if (issue.code === 'unrecognized_keys') {
    const known = keysAt(settingsSchema, issue.path, document);
    for (const key of issue.keys) {
      const near = nearName(key, known);
      const hint = near === undefined ? 'remove it' : `did you mean ${near}?`;
      const { key: named } = nameOf([...path, key]);
      faults.add(named, `is not a known setting; ${hint}`);
    }
    return;
  }
  const inner = issue.code === 'invalid_key' ? issue.issues[0]?.message : undefined;
  const value = valueAt(document, issue.path);
  const { key, prefix } = nameOf(path);
  faults.add(key, prefix + (absenceOf(value) ?? inner ?? issue.message));
}

const settingPath = (path: readonly PropertyKey[]): SettingPath =>
  path.map((part) => (typeof part === 'symbol' ? String(part) : part));

function valueAt(document: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, part) => (typeof value === 'object' && value !== null ? Reflect.get(value, part) : undefined),
    document,
  );
}

/** Takes out the smallest part that is allowed to be absent: a list entry, a key of a section, or the whole setting. */
function withoutFaulty(document: SettingsDocument, issues: readonly Issue[]): SettingsDocument {
  const dropped = new Set(
    issues.flatMap(({ path, ...issue }) =>
      issue.code === 'unrecognized_keys' && path.length < 2
        ? issue.keys.map((key) => [...path, key].join('\n'))
        : [path.slice(0, 2).join('\n')],
    ),
  );
  const isGood = (...path: (string | number)[]): boolean => !dropped.has(path.join('\n'));
  const kept = Object.entries(document).filter(([key]) => isGood(key));
  return Object.fromEntries(
    kept.map(([key, value]) => {
      if (Array.isArray(value)) return [key, value.filter((_, index) => isGood(key, index))];
      if (!isRecord(value)) return [key, value];
      return [key, Object.fromEntries(Object.entries(value).filter(([member]) => isGood(key, member)))];
    }),
  );
}

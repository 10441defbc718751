import { z } from 'zod';

/** What the settings reference says about a setting beyond what its schema shows. */
export interface SettingDoc {
  readonly meaning: string;
  /** Shown instead of the schema's default, for one that depends on other settings. */
  readonly fallback?: string;
}

export const settingDocs = z.registry<SettingDoc>();

/** Gives a setting its meaning; call it last, as every other zod method answers a new schema without it. */
export function documented<T extends z.ZodType>(schema: T, meaning: string, fallback?: string): T {
  settingDocs.add(schema, fallback === undefined ? { meaning } : { meaning, fallback });
  return schema;
}

/** A section of the file: unknown keys are faults. */
export function section<T extends z.ZodRawShape>(shape: T) {
  return z.strictObject(shape, {
    error: (issue) => (issue.code === 'invalid_type' ? 'must be a section of `key: value` lines' : undefined),
  });
}

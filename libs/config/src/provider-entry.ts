/** A provider as it stands in the file. */
export type Entry = Readonly<Record<string, unknown>>;

/** `false` as text comes from `${NAME}`. */
export const isSwitchedOff = (value: unknown): boolean => value === false || value === 'false' || value === 'off';

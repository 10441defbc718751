/** The time, as an argument: rooms ask this and never `new Date()`, so tests move it as they please. */
export type Clock = () => Date;

/** Injection token of the {@link Clock}. */
export const CLOCK = Symbol('Clock');

/** Moments of a refresh at which a test may end or stop the process. */
export type FailPoint = 'claimed' | 'intended' | 'sent' | 'answered' | 'spooled' | 'committed';

/** What happens at a moment: nothing, outside of tests. No setting or variable can make it anything else. */
export type AtFailPoint = (point: FailPoint, connectionId: string) => void;

/** Injection token of {@link AtFailPoint}. */
export const AT_FAIL_POINT = Symbol('AtFailPoint');

export const noFailPoint: AtFailPoint = () => undefined;

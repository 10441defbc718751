import { z } from 'zod';

/** How the answers of one address are wrapped: the value, and its description. */
export interface AnswerShape {
  answer(value: object): object;
  schema(of: z.ZodType): z.ZodType;
}

/** As PlanetScale documents it. */
export const FLAT: AnswerShape = { answer: (value) => value, schema: (of) => of };

/**
 * `{"data": …}`. The Go SDK reads every answer, pages too, as an object of objects, and fails at the text and the numbers
 * of a flat one (D29).
 */
export const IN_DATA: AnswerShape = {
  answer: (data) => ({ data }),
  schema: (of) => z.strictObject({ data: of }),
};

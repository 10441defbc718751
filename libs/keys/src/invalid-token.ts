/** Why a token is refused. */
export type InvalidTokenCode =
  | 'malformed'
  | 'unknown_key'
  | 'bad_signature'
  | 'expired'
  | 'not_yet_valid'
  | 'wrong_type'
  | 'wrong_issuer'
  | 'wrong_audience';

/** Thrown by `SigningKeys.verify`. The code is for logs and tests: callers of ours are told no more than "invalid". */
export class InvalidToken extends Error {
  override readonly name = 'InvalidToken';

  constructor(
    readonly code: InvalidTokenCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** Where a sealed token belongs: it opens nowhere else (the additional data of its seal). */
export interface ConnectionPlace {
  readonly organizationId: string;
  readonly connectionId: string;
  readonly generation: bigint;
}

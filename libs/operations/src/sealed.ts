import { SealedSigningKeys } from '@app/keys';
import { SealedSamlKeys } from '@app/saml';
import { SealedDataKeys } from '@app/vault';

/** Every table with secrets under a master key. A process that lacks a key of any of them does not start. */
export const SEALED = [SealedSigningKeys, SealedSamlKeys, SealedDataKeys] as const;

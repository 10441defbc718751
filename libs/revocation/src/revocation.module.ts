import { Module } from '@nestjs/common';
import { RevocationLog } from './revocation-log.js';
import { Revocations } from './revocations.js';

@Module({ providers: [RevocationLog, Revocations], exports: [Revocations] })
export class RevocationModule {}

import { Module } from '@nestjs/common';
import { DataKeys } from '../data-keys.js';
import { TokenSeal } from '../token-seal.js';
import { DataKeyRetirement } from './data-key-retirement.js';
import { ResealCommand } from './reseal-command.js';
import { TokenReseal } from './token-reseal.js';

/** What the command `vault:reseal` needs beside SEALED_TABLES, whose global module the application makes. */
@Module({ providers: [DataKeys, TokenSeal, DataKeyRetirement, TokenReseal, ResealCommand] })
export class ResealCommandModule {}

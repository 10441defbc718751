import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { ConfigModule, ConfigurationError, loadConfigFromProcess } from '@app/config';
import { DatabaseModule } from '@app/database';
import { KeyRotation, KeysModule, rotateKeys } from '@app/keys';
import { RevocationModule, Revocations, revokeEverythingIssued } from '@app/revocation';
import { TransientStoreModule } from '@app/transient-store';
import { Global, Module, type DynamicModule } from '@nestjs/common';

const HELP = `usage: gatehouse <command>

commands:
  keys:rotate         publish the next signing key; it signs once others have had time to see it
  keys:rotate --now   for emergencies: new keys sign at once, the old ones stop
  restored            after a database restore: everything issued before is void, everybody signs in again
  help                this text

The commands read the same environment and configuration file as the server.
`;

/** Exit codes of sysexits.h: wrong usage, wrong configuration. */
const EXIT_USAGE = 64;
const EXIT_CONFIGURATION = 78;

@Global()
@Module({})
class CommandModule {
  static forCommand(): DynamicModule {
    return {
      module: CommandModule,
      imports: [
        ConfigModule.forConfig(loadConfigFromProcess()),
        DatabaseModule.forRoot(),
        TransientStoreModule.forRoot(),
        KeysModule.forRoot(),
        RevocationModule,
      ],
      exports: [TransientStoreModule],
    };
  }
}

async function withRooms(work: (get: <T>(type: new (...args: never[]) => T) => T) => Promise<string>): Promise<string> {
  const context = await NestFactory.createApplicationContext(CommandModule.forCommand(), {
    logger: ['error', 'fatal'],
    abortOnError: false,
  });
  try {
    return await work((type) => context.get(type));
  } finally {
    await context.close();
  }
}

async function restored(revocations: Revocations, args: readonly string[]): Promise<string> {
  if (args.length > 0) throw new Error('usage: gatehouse restored');
  const organizations = await revokeEverythingIssued(revocations);
  return (
    `Everything issued before now is void, in ${organizations} organization(s). ` +
    'APIs that verify tokens themselves believe the old ones until they expire.\n' +
    'Client credentials that were deleted after the backup are back: look through them.'
  );
}

const COMMANDS: Readonly<Record<string, (args: readonly string[]) => Promise<string>>> = {
  restored: (args) => withRooms((get) => restored(get(Revocations), args)),
  'keys:rotate': (args) => withRooms((get) => rotateKeys(get(KeyRotation), args, new Date())),
};

async function run([name, ...args]: readonly string[]): Promise<number> {
  if (name === undefined || name === 'help' || name === '--help' || name === '-h') {
    process.stdout.write(HELP);
    return name === undefined ? EXIT_USAGE : 0;
  }
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) {
    process.stderr.write(`gatehouse: there is no command ${JSON.stringify(name)}\n\n${HELP}`);
    return EXIT_USAGE;
  }
  try {
    process.stdout.write(`${await command(args)}\n`);
    return 0;
  } catch (error) {
    process.stderr.write(`gatehouse: ${error instanceof Error ? error.message : String(error)}\n`);
    return error instanceof ConfigurationError ? EXIT_CONFIGURATION : 1;
  }
}

process.exitCode = await run(process.argv.slice(2));

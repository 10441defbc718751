import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { ApplicationCommand, ClientsCommandModule } from '@app/clients';
import { ConfigModule, ConfigurationError, loadConfigFromProcess } from '@app/config';
import { DatabaseModule } from '@app/database';
import { DirectoryCommandModule, SetupLink } from '@app/directory';
import { KeyRotation, KeysModule, MissingMasterKeys, rotateKeys, SealedTablesModule } from '@app/keys';
import { KeyCommand, OrganizationsCommandModule } from '@app/organizations';
import { RevocationModule, Revocations, revokeEverythingIssued } from '@app/revocation';
import { MetadataCommand, rotateSamlKeys, SamlCommandModule, SamlKeyRotation } from '@app/saml';
import { TransientStoreModule } from '@app/transient-store';
import { ResealCommand, ResealCommandModule } from '@app/vault';
import { Global, Module, type DynamicModule, type Type } from '@nestjs/common';
import { SEALED } from '@app/operations';

const HELP = `usage: gatehouse <command>

commands:
  keys:rotate         publish the next signing key; it signs once others have had time to see it
  keys:rotate --now   for emergencies: new keys sign at once, the old ones stop
  saml:rotate         publish our next SAML certificate; it signs once identity providers have had time to see it
  saml:rotate --now   for emergencies: a new certificate signs at once, the old ones leave our metadata
  saml:metadata       what is known of each SAML identity provider, and what is held for you to accept
  saml:metadata <provider>            the same of one, with its keys and endpoints
  saml:metadata <provider> --refresh  fetch its metadata now
  saml:metadata <provider> --accept   put in force what is held
  service-token:create --organization <name> --name <text> --access <a,b> [--expires <time>]
                      a service token of an organization; it is printed this once
  api-key:create --organization <name> --name <text> --access <a,b> [--expires <time>]
                      an API key of an organization; it is printed this once
  application:create --organization <name> --name <text> --redirect-uri <uri> [--public] [--scope <scope>] [--consent=skip]
                      registers an application that signs people in here; its secret is printed this once
  vault:reseal        after a new master key was put in front: seal everything anew with it, and say which may go
  vault:reseal --tokens [--older-than <hours>]
                      also replace the data keys older than 24 hours, or as given, and seal all tokens anew
  vault:reseal --dry-run  say what would be done
  set-up-link         a link, good for 15 minutes and one use, that makes the first administrator
  restored            after a database restore: everything issued before is void, everybody signs in again
  help                this text

The commands read the same environment and configuration file as the server.
`;

/** Exit codes of sysexits.h: wrong usage, wrong configuration. */
const EXIT_USAGE = 64;
const EXIT_CONFIGURATION = 78;

type Room = Type | DynamicModule;

@Global()
@Module({})
class CommandModule {
  /** @param rooms of the command alone, beside what every command stands on. */
  static forCommand(rooms: readonly Room[]): DynamicModule {
    return {
      module: CommandModule,
      imports: [
        ConfigModule.forConfig(loadConfigFromProcess()),
        DatabaseModule.forRoot(),
        TransientStoreModule.forRoot(),
        KeysModule.forRoot(),
        RevocationModule,
        ...rooms,
      ],
      exports: [TransientStoreModule, KeysModule],
    };
  }
}

type Get = <T>(type: new (...args: never[]) => T) => T;

async function withRooms(work: (get: Get) => Promise<string>, rooms: readonly Room[] = []): Promise<string> {
  const context = await NestFactory.createApplicationContext(CommandModule.forCommand(rooms), {
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
    'Client credentials, API keys and service tokens that were deleted after the backup are back: look through them.'
  );
}

async function setUpLink(link: SetupLink, args: readonly string[]): Promise<string> {
  if (args.length > 0) throw new Error('usage: gatehouse set-up-link');
  if (loadConfigFromProcess().redisUrl === undefined)
    throw new Error('without REDIS_URL only the server knows its links: start it on a terminal, and it prints one');
  const url = await link.make();
  if (url === undefined) throw new Error('there is an administrator, or GATEHOUSE_ADMINS names one');
  return `Open this within 15 minutes and sign in; you will be the administrator:\n${url}`;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

const COMMANDS: Readonly<Record<string, (args: readonly string[]) => Promise<string>>> = {
  restored: (args) => withRooms((get) => restored(get(Revocations), args)),
  'vault:reseal': (args) =>
    withRooms((get) => get(ResealCommand).run(args, print), [SealedTablesModule.over(SEALED), ResealCommandModule]),
  'set-up-link': (args) => withRooms((get) => setUpLink(get(SetupLink), args), [DirectoryCommandModule]),
  'service-token:create': (args) =>
    withRooms((get) => get(KeyCommand).create('service_token', args), [OrganizationsCommandModule]),
  'api-key:create': (args) => withRooms((get) => get(KeyCommand).create('api_key', args), [OrganizationsCommandModule]),
  'application:create': (args) => withRooms((get) => get(ApplicationCommand).create(args), [ClientsCommandModule]),
  'keys:rotate': (args) => withRooms((get) => rotateKeys(get(KeyRotation), args, new Date())),
  'saml:rotate': (args) =>
    withRooms((get) => rotateSamlKeys(get(SamlKeyRotation), args, new Date()), [SamlCommandModule]),
  'saml:metadata': (args) => withRooms((get) => get(MetadataCommand).run(args, new Date()), [SamlCommandModule]),
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
    const configuration = error instanceof ConfigurationError || error instanceof MissingMasterKeys;
    return configuration ? EXIT_CONFIGURATION : 1;
  }
}

const exitCode = await run(process.argv.slice(2));
// Rooms that failed to start leave their connections open, which would keep the process.
if (exitCode !== 0) process.exit(exitCode);

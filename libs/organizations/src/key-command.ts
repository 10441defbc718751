import { parseArgs } from 'node:util';
import { Injectable } from '@nestjs/common';
import { Organizations } from './organizations.js';
import { TENANT_ACCESSES, type TenantAccess } from './tenant-caller.js';
import { TenantKeys, type TenantKeyKind } from './tenant-keys.js';

const COMMAND = { service_token: 'service-token:create', api_key: 'api-key:create' } as const;

interface Wanted {
  readonly organization: string;
  readonly name: string;
  readonly accesses: readonly TenantAccess[];
  readonly expiresAt: Date | undefined;
}

/** The commands `service-token:create` and `api-key:create`: how the operator makes the first key of an organization. */
@Injectable()
export class KeyCommand {
  constructor(
    private readonly organizations: Organizations,
    private readonly keys: TenantKeys,
  ) {}

  /**
   * @param args what follows the command's name.
   * @returns text for the terminal, which holds the secret this once.
   * @throws Error that says what to change, with the usage; OAuthError for an expiry in the past
   */
  async create(kind: TenantKeyKind, args: readonly string[]): Promise<string> {
    const wanted = readArguments(kind, args);
    if (typeof wanted === 'string') return wanted;
    const organization = await this.organizations.find(wanted.organization);
    if (organization === undefined)
      throw new Error(`there is no organization ${JSON.stringify(wanted.organization)}; list it in the configuration`);
    const operator = { organizationId: organization.id, accesses: new Set(TENANT_ACCESSES), actor: 'command' };
    const { info, secret } = await this.keys.create(kind, operator, wanted, {});
    const header = kind === 'api_key' ? `X-API-Key: ${secret}` : `Authorization: ${info.id}:${secret}`;
    return `${info.id} of ${organization.name} may: ${info.accesses.join(', ')}. Its secret is shown this once:\n${header}`;
  }
}

/** A text: what was asked for is the usage itself. */
function readArguments(kind: TenantKeyKind, args: readonly string[]): Wanted | string {
  const usage = `usage: gatehouse ${COMMAND[kind]} --organization <name> --name <text> --access <a,b> [--expires <time>]
accesses: ${TENANT_ACCESSES.join(', ')}`;
  const values = parsed(args, usage);
  const { organization, name, access, expires } = values;
  if (values.help === true) return usage;
  if (organization === undefined || name === undefined || access === undefined) throw new Error(usage);
  const accesses = access.split(',').map((one) => one.trim());
  const unknown = accesses.find((one) => !isAccess(one));
  if (unknown !== undefined) throw new Error(`--access: there is no access ${JSON.stringify(unknown)}\n${usage}`);
  if (name.trim() === '' || name.length > 100 || /[\p{Cc}\p{Cs}]/u.test(name))
    throw new Error(`--name must have 1 to 100 characters\n${usage}`);
  const expiresAt = expires === undefined ? undefined : new Date(expires);
  if (expiresAt !== undefined && Number.isNaN(expiresAt.getTime()))
    throw new Error(`--expires must be a time like 2030-01-31T12:00:00Z\n${usage}`);
  return { organization, name, accesses: accesses.filter(isAccess), expiresAt };
}

function parsed(args: readonly string[], usage: string) {
  const text = { type: 'string' } as const;
  try {
    return parseArgs({
      args: [...args],
      options: { organization: text, name: text, access: text, expires: text, help: { type: 'boolean', short: 'h' } },
    }).values;
  } catch (error) {
    throw new Error(`${error instanceof Error ? error.message : 'unreadable arguments'}\n${usage}`, { cause: error });
  }
}

function isAccess(text: string): text is TenantAccess {
  return (TENANT_ACCESSES as readonly string[]).includes(text);
}

import { isIP, isIPv4 } from 'node:net';
import { z } from 'zod';
import { Secret } from './secret.js';

/**
 * The kinds of value that settings are made of. Each accepts what YAML holds and also the same value as text, because
 * the environment and `${NAME}` only know text. `text` is what the settings reference prints as the type.
 */
export const kinds = z.registry<{ text: string }>();

/** A whole number in a range, both ends included. */
export function whole(min: number, max: number) {
  const error = `must be a whole number from ${min} to ${max}`;
  return z
    .preprocess(
      (value) => (typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value),
      z.int({ error, abort: true }).min(min, error).max(max, error),
    )
    .register(kinds, { text: `whole number ${min}–${max}` });
}

export const port = () => whole(1, 65_535).register(kinds, { text: 'port 1–65535' });

const words = new Map<unknown, boolean>([
  ['on', true],
  ['true', true],
  ['off', false],
  ['false', false],
]);

/** true or false; `on` and `off` as text. */
export const flag = () =>
  z
    .preprocess((value) => words.get(value) ?? value, z.boolean('must be true or false (on, off)'))
    .register(kinds, { text: '`true` or `false`' });

export const text = (maxLength = 2048) =>
  z
    .string('must be text')
    .min(1, 'must not be empty; remove the key to use the default')
    .max(maxLength, `must have at most ${maxLength} characters`)
    .register(kinds, { text: 'text' });

export const url = () => text().register(kinds, { text: 'URL' });

/** Text that is sealed at once: a fault about it never quotes it. */
export const secretText = (pattern: RegExp, fault: string) =>
  z
    .string('must be text')
    .regex(pattern, fault)
    .transform((value) => new Secret(value))
    .register(kinds, { text: 'secret text' });

export const listOf = <T extends z.ZodType>(entry: T) => z.array(entry, 'must be a list');

/** A port, or `off`: undefined means that the operator said nothing, `off` that he said no. */
export const portOrOff = () =>
  z
    .preprocess((value) => (value === false ? 'off' : value), z.union([z.literal('off'), port()], portOrOffFault))
    .register(kinds, { text: 'port, or `off`' });

const portOrOffFault = 'must be a whole number from 1 to 65535, or off';

const masterKeyFault =
  'must be id:key, the id 1–32 of A-Z a-z 0-9 _ -, the key 32 random bytes as base64url (43 characters); make one with ' +
  `node -e "console.log(require('node:crypto').randomBytes(32).toString('base64url'))"`;

/** `id:base64url`, 32 bytes. The encoding must be canonical, so that one key is not written in two ways. */
export const masterKey = () =>
  z
    .string(masterKeyFault)
    .transform((value, context) => {
      const [, id, encoded] = /^([A-Za-z0-9_-]{1,32}):([A-Za-z0-9_-]{43})$/.exec(value) ?? [];
      const key = Buffer.from(encoded ?? '', 'base64url');
      if (id === undefined || key.length !== 32 || key.toString('base64url') !== encoded) {
        context.addIssue({ code: 'custom', message: masterKeyFault });
        return z.NEVER;
      }
      return { id, key: new Secret(key) };
    })
    .register(kinds, { text: '`id:key`' });

const trustProxyFault =
  'must be the number of proxies in front (1–20), `loopback`, or a list of their addresses or networks (10.0.0.0/8)';
const loopbackNetworks = ['127.0.0.0/8', '::1/128'];

function networksOf(entry: string): readonly string[] | undefined {
  if (entry === 'loopback') return loopbackNetworks;
  const [address = '', prefix, ...rest] = entry.split('/');
  if (isIP(address) === 0 || rest.length > 0) return undefined;
  if (prefix === undefined) return [entry];
  // A prefix of 0 trusts everyone, so anyone could forge his address.
  const valid = /^\d{1,3}$/.test(prefix) && Number(prefix) >= 1 && Number(prefix) <= (isIPv4(address) ? 32 : 128);
  return valid ? [entry] : undefined;
}

/** Hops, or the networks of the proxies; 0 and an empty list mean that no proxy is trusted. */
export const trustProxy = () =>
  z
    .unknown()
    .transform((value, context): number | readonly string[] | undefined => {
      if (typeof value === 'number' || (typeof value === 'string' && /^\d{1,2}$/.test(value))) {
        const hops = Number(value);
        if (Number.isInteger(hops) && hops >= 0 && hops <= 20) return hops === 0 ? undefined : hops;
      } else {
        const entries: unknown[] = Array.isArray(value) ? value : typeof value === 'string' ? value.split(',') : [null];
        const networks = entries.map((entry) => (typeof entry === 'string' ? networksOf(entry.trim()) : undefined));
        if (!networks.includes(undefined)) {
          const known = networks.flatMap((network) => network ?? []);
          return known.length === 0 ? undefined : known;
        }
      }
      context.addIssue({ code: 'custom', message: trustProxyFault });
      return z.NEVER;
    })
    .register(kinds, { text: 'number, `loopback`, or list of networks' });

import { z } from 'zod';
import { personEntry } from './person-entry.js';
import { documented, section } from './setting-docs.js';
import { kinds, listOf } from './setting-kinds.js';

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const nameFault = 'must have 1 to 100 characters, no control characters and no space at its ends';

/** Addresses take a name or an id, so no name may look like an id (D28). */
const organizationName = z
  .string('must be text')
  .regex(/^(?!\s)[^\p{Cc}\p{Cs}]{1,100}(?<!\s)$/u, nameFault)
  .refine((name) => !UUID.test(name), 'must not have the form of an id; choose a name that people can read')
  .register(kinds, { text: 'text' });

/** An entry of `members`. */
export const memberSchema = section({
  user: documented(personEntry, 'The person, by upstream subject or verified e-mail at one provider.'),
  role: documented(z.enum(['owner', 'admin', 'member']).default('member'), 'What the person may do there.'),
});

/** An entry of `organizations`. */
export const organizationSchema = section({
  name: documented(organizationName, 'Unique; in addresses it stands for the organization.'),
  members: documented(
    listOf(memberSchema).default([]),
    'People whom the file puts there, now or at their first sign-in, whatever their provider’s organization is.',
  ),
});

/** D62 */
export const organizationList = listOf(organizationSchema).superRefine((organizations, context) => {
  for (const [index, { name, members }] of organizations.entries()) {
    if (organizations.findIndex((other) => other.name === name) < index)
      context.addIssue({
        code: 'custom',
        path: [index, 'name'],
        message: 'is the name of an earlier organization; put their members together',
      });
    const people = members.map(({ user }) => `${user.provider}:${user.subjectOrEmail}`);
    for (const [place, person] of people.entries())
      if (people.indexOf(person) < place)
        context.addIssue({
          code: 'custom',
          path: [index, 'members', place, 'user'],
          message: 'stands in this organization twice; remove one of them',
        });
  }
});

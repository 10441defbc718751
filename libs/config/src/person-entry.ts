import { z } from 'zod';
import { providerIdPattern } from './provider.schema.js';
import { kinds } from './setting-kinds.js';

/** A person as the operator names one: by subject or verified e-mail at one provider (D17). */
export const personEntry = z
  .string('must be provider:subject-or-email')
  .transform((value, context) => {
    const separator = value.indexOf(':');
    const provider = value.slice(0, Math.max(separator, 0)).trim();
    const subjectOrEmail = value.slice(separator + 1).trim();
    if (!providerIdPattern.test(provider) || subjectOrEmail === '' || subjectOrEmail.length > 1024) {
      context.addIssue({ code: 'custom', message: 'must be provider:subject-or-email, like acme:alice@example.com' });
      return z.NEVER;
    }
    return { provider, subjectOrEmail };
  })
  .register(kinds, { text: '`provider:subject-or-email`' });

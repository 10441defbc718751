import type { LogoutJob, ResponseJob } from '../saml-verifier.js';
import { readMetadataDocument } from '../metadata/read-metadata.js';
import { judged } from './judged.js';
import { verifyLogout } from './logout-verifier.js';
import { guardXml, METADATA_LIMITS } from './message-guard.js';
import { verifyResponseStrictly } from './response-verifier.js';
import { peekAt, type AnyMessage } from './unverified-hint.js';

/** What a worker is asked; the answer is a Verified of the facts that {@link SamlVerifier}'s method of that name returns. */
export type Task =
  | { readonly kind: 'response'; readonly job: ResponseJob }
  | { readonly kind: 'logout'; readonly job: LogoutJob }
  | { readonly kind: 'peek'; readonly message: AnyMessage }
  | { readonly kind: 'metadata'; readonly xml: string };

/**
 * The worker's one function. It imports neither Nest nor another library of ours: a worker starts with the first message
 * after a quiet minute, and somebody waits for it.
 */
export default async function work(task: Task): Promise<unknown> {
  try {
    return await answer(task);
  } catch (error) {
    // WebAssembly trapped: libxml2's memory is in no known state: this thread must not serve another message.
    if (error instanceof Error && error.name === 'RuntimeError') process.exit(1);
    throw error;
  }
}

async function answer(task: Task): Promise<unknown> {
  switch (task.kind) {
    case 'response':
      return task.job.engine === 'strict' ? verifyResponseStrictly(task.job) : byNodeSaml(task.job);
    case 'logout':
      return verifyLogout(task.job);
    case 'peek':
      return peekAt(task.message);
    case 'metadata':
      return judged((verdicts) =>
        readMetadataDocument(guardXml(Buffer.from(task.xml, 'utf8'), METADATA_LIMITS, verdicts)),
      );
  }
}

/** Loaded when it is asked for: it costs ten times what the rest of the worker does. */
async function byNodeSaml(job: ResponseJob): Promise<unknown> {
  const { verifyResponseByNodeSaml } = await import('./node-saml-verifier.js');
  return verifyResponseByNodeSaml(job);
}

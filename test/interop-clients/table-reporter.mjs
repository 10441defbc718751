import { stripVTControlCharacters } from 'node:util';
import { CLIENTS, FLOWS } from './flows.mjs';
import { tableOf } from './table.mjs';

/** Prints what was shown of clients, if any ran, as one table of flows × clients. */
export default class ClientsReporter {
  onRunComplete(_contexts, { testResults }) {
    const outcomes = testResults.flatMap(({ testResults: tests, testExecError, testFilePath }) => {
      const file = testFilePath.split('/').at(-1).replace('.interop.ts', '');
      const client = Object.keys(CLIENTS).find((name) => fileOf(name) === file);
      if (client === undefined) return [];
      const broken = testExecError ?? (tests.length === 0 ? { message: 'no test ran' } : undefined);
      if (broken !== undefined)
        return FLOWS.map((flow) => ({ client, flow, status: 'failed', reason: reasonOf(broken.message) }));
      return tests.map(({ title, status, failureMessages }) => ({
        client,
        flow: title,
        status,
        reason: reasonOf(failureMessages[0]),
      }));
    });
    if (outcomes.length > 0) process.stdout.write(`\n${tableOf(outcomes)}\n`);
  }
}

/** The file of a client's suite: its name without what a file's name may not hold. */
function fileOf(client) {
  return client.replace('@', '').replace('/', '-').replaceAll('_', '-');
}

function reasonOf(message = 'it failed without a word') {
  return stripVTControlCharacters(message).split('\n')[0].slice(0, 160);
}

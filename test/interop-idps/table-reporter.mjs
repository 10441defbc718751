import { dirname } from 'node:path';

/** Prints what was shown of identity providers, if any ran, as one table: identity provider, flow, result. */
export default class TableReporter {
  onRunComplete(_contexts, { testResults }) {
    const ours = testResults.filter(({ testFilePath }) => dirname(testFilePath) === import.meta.dirname);
    if (ours.length === 0) return;
    const rows = ours.flatMap(({ testResults: tests, testExecError, testFilePath }) =>
      testExecError === undefined
        ? tests.map(({ ancestorTitles, title, status }) => [ancestorTitles[0] ?? '', title, word(status)])
        : [[testFilePath.split('/').at(-1) ?? '', '(the file could not run)', 'FAILED']],
    );
    const width = (column) => Math.max(...rows.map((row) => row[column].length), 0);
    const [first, second] = [width(0), width(1)];
    const lines = rows.map(([idp, flow, result]) => `${idp.padEnd(first)} × ${flow.padEnd(second)} · ${result}`);
    process.stdout.write(`\n${lines.join('\n')}\n`);
  }
}

function word(status) {
  if (status === 'passed') return 'ok';
  return status === 'failed' ? 'FAILED' : 'skipped';
}

/**
 * `npm run check`: everything that is judged without running the product, the same here and in CI. All steps run, side
 * by side, so that one look shows all that is wrong; what a step printed is shown only when it failed.
 */
import { buildIfNeeded } from './build.mjs';
import { requireInstalled, run } from './checkout.mjs';

const npmRun = (script) => {
  const npm = process.env.npm_execpath;
  const args = ['run', '--silent', script];
  return npm === undefined ? ['npm', args] : [process.execPath, [npm, ...args]];
};

const STEPS = [
  ['format', npmRun('format:check')],
  ['lint', npmRun('lint')],
  ['types', npmRun('typecheck')],
  ['boundaries', npmRun('boundaries')],
  ['generated', [process.execPath, ['scripts/generate.mjs', '--check']]],
];

requireInstalled();
await buildIfNeeded(); // the generated documents are read from the built server
const judged = STEPS.map(async ([name, [command, args]]) => {
  const began = performance.now();
  const { code, output } = await run(command, args, { capture: true });
  return { name, code, output, seconds: ((performance.now() - began) / 1000).toFixed(1) };
});
const failed = [];
for (const step of judged) {
  const { name, code, output, seconds } = await step;
  process.stdout.write(`${code === 0 ? 'ok    ' : 'FAILED'}  ${name.padEnd(10)}  ${seconds} s\n`);
  if (code !== 0) {
    failed.push(name);
    process.stdout.write(`${output.trimEnd()}\n\n`);
  }
}
if (failed.length > 0) {
  process.stdout.write(`\nFailed: ${failed.join(', ')}\n`);
  process.exitCode = 1;
}

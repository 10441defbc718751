/** A node:test reporter that writes `{"passed":n,"failed":n,"skipped":n}` when all has run. Suites are not counted. */
export default async function* countReporter(events) {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for await (const { type, data } of events) {
    if (data?.details?.type === 'suite') continue;
    if (type !== 'test:pass' && type !== 'test:fail') continue;
    // A test marked `todo` is no failure even when it fails.
    if (data.skip !== undefined || data.todo !== undefined) counts.skipped += 1;
    else if (type === 'test:fail') counts.failed += 1;
    else counts.passed += 1;
  }
  yield JSON.stringify(counts);
}

import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { launch, type Browser } from 'puppeteer-core';

/** The program on PATH; undefined where there is none. */
export const chromium = (process.env['PATH'] ?? '')
  .split(delimiter)
  .map((folder) => join(folder, 'chromium'))
  .find(isExecutable);

if (chromium === undefined)
  process.stderr.write(
    '\nThere is no chromium on PATH: no page of ours was looked at. Run npm run test:browser as root.\n',
  );

/** `describe`, where there is a browser to look with. */
export const describeInBrowser = chromium === undefined ? describe.skip : describe;

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** A browser with a profile of its own. Chromium refuses its sandbox to root. */
export function launchChromium(): Promise<Browser> {
  return launch({
    executablePath: chromium ?? 'chromium',
    args: ['--disable-gpu', '--disable-dev-shm-usage', ...(process.getuid?.() === 0 ? ['--no-sandbox'] : [])],
  });
}

#!/usr/bin/env node
// Opens .heapsnapshot files in the Memory panel of a real, headless Chromium and reads the rows of Summary.

import * as fs from 'node:fs';
import * as path from 'node:path';
import {parseArgs} from 'node:util';

import {DevToolsPage} from './chromium.mjs';

const USAGE = `Usage: node page.mjs [--chromium PATH] [--screenshots DIR] SNAPSHOT…

Loads each SNAPSHOT in Chromium's own DevTools and prints one JSON object per line: file, rows of Summary, warnings.

  --chromium PATH      the browser (default: $CHROMIUM, else "chromium")
  --screenshots DIR    keep a picture of each Summary there

Exit codes: 0 all loaded without a warning; 1 a warning; 2 usage; 3 a file was refused; 4 the browser did not start.
`;

async function main() {
  let options;
  try {
    options = parseArgs({
      allowPositionals: true,
      options: {
        chromium: {type: 'string', default: process.env.CHROMIUM ?? 'chromium'},
        screenshots: {type: 'string'},
        help: {type: 'boolean', short: 'h', default: false},
      },
    });
  } catch (error) {
    process.stderr.write(`${error.message}\n\n${USAGE}`);
    return 2;
  }
  const {values, positionals} = options;
  if (values.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  if (positionals.length === 0) {
    process.stderr.write(USAGE);
    return 2;
  }
  if (values.screenshots) {
    fs.mkdirSync(values.screenshots, {recursive: true});
  }

  let exitCode = 0;
  let page;
  try {
    for (const file of positionals) {
      try {
        page ??= await DevToolsPage.open(values.chromium);
      } catch (error) {
        process.stderr.write(`${values.chromium} did not start: ${error.message}\n`);
        return 4;
      }
      try {
        const loaded = await page.load(path.resolve(file));
        if (values.screenshots) {
          await page.screenshot(path.join(values.screenshots, screenshotName(file)));
        }
        const warnings = page.takeWarnings();
        process.stdout.write(`${JSON.stringify({file, ...loaded, warnings})}\n`);
        for (const warning of warnings) {
          process.stderr.write(`${file}: DevTools warns: ${warning}\n`);
          exitCode = Math.max(exitCode, 1);
        }
      } catch (error) {
        process.stderr.write(`${file}: ${error.message}\n`);
        exitCode = 3;
        // After a refused file the panel takes no other.
        await page.close();
        page = undefined;
      }
    }
  } finally {
    await page?.close();
  }
  return exitCode;
}

/** `run/limit.heapsnapshot` becomes `run-limit.png`. */
function screenshotName(file) {
  const {dir, name} = path.parse(path.resolve(file));
  return `${path.basename(dir)}-${name}.png`;
}

// Without these, an interrupted test would leave its browser behind.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => process.exit(130));
}

process.exitCode = await main();

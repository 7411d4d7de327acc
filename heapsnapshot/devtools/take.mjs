#!/usr/bin/env node
// Writes the heap snapshot that Chromium itself takes of a page, as its DevTools do.

import * as childProcess from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';

import {chromium as playwright} from 'playwright-core';

const USAGE = `Usage: node take.mjs [--chromium PATH] OUT.heapsnapshot

Opens a page with detached nodes, event handlers, frames and a console in a headless Chromium and writes its snapshot.
`;

/** A page in which every filter of Summary has something to find. */
const PAGE = `<!doctype html><title>heaplab</title><ul id=list></ul><iframe srcdoc="<p>frame"></iframe><script>
  const list = document.getElementById('list');
  const detached = [];
  class Row { constructor(n) { this.n = n; this.text = 'row ' + (n % 7) + ' of the list'.repeat(2); } }
  const rows = Array.from({length: 2000}, (_, n) => new Row(n));
  const index = new Map(rows.map(row => [row.text + row.n, row]));
  const notes = new WeakMap(rows.map(row => [row, {note: row.n}]));
  for (let n = 0; n < 300; ++n) {
    const item = document.createElement('li');
    const own = {data: new Array(50).fill(n)};
    item.addEventListener('click', () => own.data.push(index.size, notes));
    item.textContent = 'item ' + n;
    list.append(item);
    if (n % 3 === 0) { item.remove(); item.rows = new Row(n); detached.push(item); }
  }
  globalThis.counter = (() => { const kept = rows.slice(0, 9); return () => kept.length + detached.length; })();
</script>`;

const FLAGS = [
  '--headless=new', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--disable-dev-shm-usage',
  '--remote-debugging-port=0', '--remote-debugging-address=127.0.0.1',
];

const START_TIMEOUT_MS = 60_000;

async function main() {
  let options;
  try {
    options = parse();
  } catch (error) {
    process.stderr.write(`${error.message}\n\n${USAGE}`);
    return 2;
  }
  const profile = fs.mkdtempSync(path.join(os.tmpdir(), 'heaplab-take-'));
  const sandbox = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  const browser = childProcess.spawn(
    options.chromium, [...FLAGS, ...sandbox, `--user-data-dir=${profile}`, 'about:blank'], {stdio: 'ignore', detached: true});
  let failure;
  browser.on('error', error => failure = error);
  browser.on('exit', () => failure ??= new Error('it ended'));
  // It has a process group of its own, all of which goes with it.
  const end = () => {
    if (browser.pid && browser.exitCode === null) {
      try {
        process.kill(-browser.pid, 'SIGKILL');
      } catch {
        // It has ended meanwhile.
      }
    }
  };
  process.once('exit', end);
  try {
    await take(profile, options.out, () => failure);
    return 0;
  } catch (error) {
    process.stderr.write(`${options.chromium}: ${error.message}\n`);
    return 4;
  } finally {
    end();
    fs.rmSync(profile, {recursive: true, force: true, maxRetries: 20, retryDelay: 100});
  }
}

function parse() {
  const args = process.argv.slice(2);
  let chromium = process.env.CHROMIUM ?? 'chromium';
  if (args[0] === '--chromium') {
    [, chromium] = args.splice(0, 2);
  }
  if (args.length !== 1 || !chromium) {
    throw new Error('one file to write');
  }
  return {chromium, out: path.resolve(args[0])};
}

/** Takes the snapshot into `out`. */
async function take(profile, out, failure) {
  const portFile = path.join(profile, 'DevToolsActivePort');
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (!fs.existsSync(portFile) || fs.readFileSync(portFile, 'utf8').trim() === '') {
    if (failure() || Date.now() > deadline) {
      throw failure() ?? new Error(`no debugging port within ${START_TIMEOUT_MS / 1000} s`);
    }
    await new Promise(done => setTimeout(done, 50));
  }
  const port = fs.readFileSync(portFile, 'utf8').split('\n')[0].trim();
  const connection = await playwright.connectOverCDP(`http://127.0.0.1:${port}`);
  try {
    const page = await connection.contexts()[0].newPage();
    await page.setContent(PAGE);
    const session = await page.context().newCDPSession(page);
    // A value of the console's, kept by it alone.
    await session.send('Runtime.evaluate', {
      expression: 'new Array(100).fill({console: 1})', includeCommandLineAPI: true, objectGroup: 'console',
    });
    await session.send('HeapProfiler.enable');
    await session.send('HeapProfiler.collectGarbage');
    const file = fs.openSync(out, 'w');
    try {
      session.on('HeapProfiler.addHeapSnapshotChunk', ({chunk}) => fs.writeSync(file, chunk));
      await session.send('HeapProfiler.takeHeapSnapshot', {exposeInternals: true, captureNumericValue: true});
    } finally {
      fs.closeSync(file);
    }
  } finally {
    await connection.close();
  }
}

process.exitCode = await main();

// A headless Chromium whose own DevTools window is driven like a page.

import * as childProcess from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';

import {chromium as playwright} from 'playwright-core';

/** How long the browser may take to show its DevTools window. */
const START_TIMEOUT_MS = 60_000;

/** How long a file may take to load (1 GB takes about a minute). */
const LOAD_TIMEOUT_MS = 300_000;

const POLL_MS = 100;

const FLAGS = [
  '--headless=new',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-dev-shm-usage',
  '--auto-open-devtools-for-tabs',
  '--remote-debugging-port=0',
  '--remote-debugging-address=127.0.0.1',
  '--window-size=1600,1000',
];

const sleep = ms => new Promise(resolve => setTimeout(resolve, ms));

/** Calls `probe` until it returns something, for at most `timeout` milliseconds. */
async function until(what, timeout, probe) {
  const deadline = Date.now() + timeout;
  for (;;) {
    const found = await probe();
    if (found !== undefined && found !== null && found !== false) {
      return found;
    }
    if (Date.now() > deadline) {
      throw new Error(`${what} did not come within ${timeout / 1000} s`);
    }
    await sleep(POLL_MS);
  }
}

/** One browser with its DevTools window. */
export class DevToolsPage {
  #process;
  #profile;
  #exited = false;
  #stderr = '';
  #browser;
  #page;
  #session;
  #loaded = 0;
  /** The page reports what its workers say a second time, hence a set. */
  #warnings = new Set();

  /** Starts the browser; its start alone gets a second try. */
  static async open(executable) {
    try {
      return await new DevToolsPage().#start(executable);
    } catch (error) {
      process.stderr.write(`starting ${executable} failed (${error.message}); trying once more\n`);
      return await new DevToolsPage().#start(executable);
    }
  }

  async #start(executable) {
    process.once('exit', () => this.#kill());
    this.#profile = fs.mkdtempSync(path.join(os.tmpdir(), 'heaplab-chromium-'));
    try {
      // Docked, the panel would get a third of the window and its columns would be cut.
      fs.mkdirSync(path.join(this.#profile, 'Default'));
      fs.writeFileSync(
          path.join(this.#profile, 'Default', 'Preferences'),
          JSON.stringify({devtools: {preferences: {currentDockState: '"undocked"'}}}));
      const sandbox = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
      this.#process = childProcess.spawn(
          executable,
          [...FLAGS, ...sandbox, `--user-data-dir=${this.#profile}`, 'data:text/html,<title>heaplab</title>'],
          {stdio: ['ignore', 'ignore', 'pipe'], detached: true});
      let failure;
      this.#process.on('error', error => {
        failure = error;
        this.#exited = true;
      });
      this.#process.on('exit', () => {
        this.#exited = true;
      });
      this.#process.stderr.on('data', data => {
        this.#stderr = (this.#stderr + data).slice(-4000);
      });

      const portFile = path.join(this.#profile, 'DevToolsActivePort');
      const port = await until('the debugging port', START_TIMEOUT_MS, () => {
        if (this.#exited) {
          throw failure ?? new Error(`it ended: ${this.#stderr.trim().split('\n').slice(-3).join(' | ')}`);
        }
        return fs.existsSync(portFile) && fs.readFileSync(portFile, 'utf8').split('\n')[0].trim();
      });
      // A window that appears after Playwright has connected is never listed, so wait for it first.
      await until('the DevTools window', START_TIMEOUT_MS, async () => {
        const targets = await fetch(`http://127.0.0.1:${port}/json/list`).then(reply => reply.json(), () => []);
        return targets.some(
            target => target.type === 'page' && target.url.includes('/devtools_app.html') &&
                target.title.startsWith('DevTools - '));
      });
      this.#browser = await playwright.connectOverCDP(`http://127.0.0.1:${port}`);
      const pages = this.#browser.contexts().flatMap(context => context.pages());
      this.#page = pages.find(page => page.url().includes('/devtools_app.html'));
      if (!this.#page) {
        throw new Error('the DevTools window is not among the pages');
      }
      this.#page.on('pageerror', error => this.#warnings.add(`uncaught: ${error.message ?? error}`));
      this.#page.on('console', message => this.#note(message));
      // The snapshot is processed in workers, and that is where the warnings come from.
      this.#page.on('worker', worker => worker.on?.('console', message => this.#note(message)));
      this.#session = await this.#page.context().newCDPSession(this.#page);
      // Importing a module before the app has set itself up breaks it for good.
      await this.#page.getByRole('tab', {name: 'Memory'}).first().waitFor({timeout: START_TIMEOUT_MS});
      return this;
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  #note(message) {
    if (message.type() === 'warning' || message.type() === 'error') {
      this.#warnings.add(message.text());
    }
  }

  /**
   * Loads a file in the Memory panel and reads its Summary.
   *
   * @returns `{total, rows}`: bytes, and per row of the grid the text of its cells and DevTools' numbers behind them
   */
  async load(file) {
    const page = this.#page;
    await page.evaluate(async () => {
      const ui = await import('./ui/legacy/legacy.js');
      // Not awaited: in an undocked window its promise does not settle.
      void ui.ViewManager.ViewManager.instance().showView('heap-profiler');
    });
    await this.#session.send('Page.enable');
    await this.#session.send('Page.setInterceptFileChooserDialog', {enabled: true});
    let chooser;
    this.#session.once('Page.fileChooserOpened', event => {
      chooser = event;
    });
    await page.getByRole('button', {name: 'Load profile'}).first().click({timeout: START_TIMEOUT_MS});
    const {backendNodeId} = await until('the file chooser', START_TIMEOUT_MS, () => chooser);
    // A path, not the content: Playwright would send the whole file through the debugging protocol.
    await this.#session.send('DOM.setFileInputFiles', {files: [file], backendNodeId});
    await this.#session.send('Page.setInterceptFileChooserDialog', {enabled: false});

    const loadedBefore = this.#loaded;
    await until(`loading ${path.basename(file)}`, LOAD_TIMEOUT_MS, () => page.evaluate(async before => {
      const profiler = await import('./panels/profiler/profiler.js');
      const common = await import('./core/common/common.js');
      const errors = common.Console.Console.instance().messages().filter(message => message.level === 'error');
      if (errors.length > 0) {
        throw new Error(`DevTools refuses it: ${errors.map(message => message.text).join('; ')}`);
      }
      const dialog = document.querySelector('.profile-loading-failed, [aria-label="Profile loading failed"]');
      if (dialog) {
        throw new Error(`DevTools refuses it: ${dialog.textContent}`);
      }
      const profiles = profiler.ProfilesPanel.ProfilesPanel.registry.heapSnapshotProfileType.profiles;
      return profiles.length > before && Boolean(profiles.at(-1).snapshotProxy);
    }, loadedBefore));
    ++this.#loaded;

    return await until('the rows of Summary', LOAD_TIMEOUT_MS, () => page.evaluate(async () => {
      const profiler = await import('./panels/profiler/profiler.js');
      const profile = profiler.ProfilesPanel.ProfilesPanel.registry.heapSnapshotProfileType.profiles.at(-1);
      const panel = profiler.HeapProfilerPanel.HeapProfilerPanel.instance();
      // Loading adds an entry to the sidebar; selecting it shows its view.
      panel.showProfile(profile);
      const grid = panel.visibleView?.constructorsDataGrid;
      const nodes = grid?.topLevelNodes?.() ?? [];
      if (nodes.length === 0) {
        return null;
      }
      return {
        total: profile.snapshotProxy.totalSize,
        rows: nodes.map(node => ({
          name: node.name,
          count: node.count,
          distance: node.distance,
          shallow: node.shallowSize,
          retained: node.retainedSize,
        })),
      };
    }));
  }


  /** Everything DevTools has warned about since the last call. */
  takeWarnings() {
    const warnings = [...this.#warnings];
    this.#warnings.clear();
    return warnings;
  }

  /** Keeps a picture of the window. */
  async screenshot(file) {
    await this.#page.screenshot({path: file});
  }

  /** Ends the browser and removes its profile. */
  async close() {
    await this.#browser?.close().catch(() => {});
    if (this.#process && !this.#exited) {
      const gone = new Promise(resolve => this.#process.once('exit', resolve));
      this.#kill();
      await gone;
    }
    fs.rmSync(this.#profile, {recursive: true, force: true, maxRetries: 5, retryDelay: 200});
  }

  /** Ends the browser's whole process group, which it has to itself. */
  #kill() {
    if (this.#process?.pid && !this.#exited) {
      try {
        process.kill(-this.#process.pid, 'SIGKILL');
      } catch {
        // It has ended meanwhile.
      }
    }
  }
}

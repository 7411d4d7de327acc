// Chrome DevTools' own heap snapshot worker, bundled from the npm package of its front end, running under Node.
//
// The bundle is a build product of a BSD-licensed package: it is kept under node_modules/.cache and never committed.

import * as crypto from 'node:crypto';
import * as fs from 'node:fs';
import * as path from 'node:path';
import {fileURLToPath, pathToFileURL} from 'node:url';
import {MessageChannel} from 'node:worker_threads';

const HERE = path.dirname(fileURLToPath(import.meta.url));
const PACKAGE = path.join(HERE, 'node_modules', 'chrome-devtools-frontend');
const ENTRY = path.join(PACKAGE, 'front_end/entrypoints/heap_snapshot_worker/heap_snapshot_worker.ts');

// The DevTools panel feeds the worker in pieces of this size.
const CHUNK_BYTES = 10_000_000;

// The one file of the front end that its npm package leaves out, because the build generates it.
const LOCALES_STUB = `
export const LOCALES = ['en-US'];
export const BUNDLED_LOCALES = ['en-US'];
export const DEFAULT_LOCALE = 'en-US';
export const REMOTE_FETCH_PATTERN = '';
export const LOCAL_FETCH_PATTERN = '';
`;

/** Node 20 lacks `Promise.withResolvers`, which the worker uses. */
function addMissingBuiltIns() {
  Promise.withResolvers ??= function() {
    let resolve, reject;
    const promise = new this((yes, no) => {
      resolve = yes;
      reject = no;
    });
    return {promise, resolve, reject};
  };
}

/** Bundles the worker once per version of the package; returns the bundle's path. */
async function bundle() {
  if (!fs.existsSync(ENTRY)) {
    throw new Error(`${path.relative(process.cwd(), PACKAGE)} is missing: run "npm ci --ignore-scripts" in ${HERE}`);
  }
  const {version} = JSON.parse(fs.readFileSync(path.join(PACKAGE, 'package.json'), 'utf8'));
  const stub = crypto.createHash('sha256').update(LOCALES_STUB).digest('hex').slice(0, 8);
  const folder = path.join(HERE, 'node_modules', '.cache', 'heaplab');
  const out = path.join(folder, `heap_snapshot_worker-${version}-${stub}.mjs`);
  if (fs.existsSync(out)) {
    return out;
  }
  const esbuild = await import('esbuild');
  fs.mkdirSync(folder, {recursive: true});
  const unfinished = `${out}.${process.pid}.tmp`;
  await esbuild.build({
    entryPoints: [ENTRY],
    outfile: unfinished,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    logLevel: 'error',
    plugins: [{
      name: 'locales',
      setup(build) {
        build.onResolve({filter: /\/locales\.js$/}, () => ({path: 'locales', namespace: 'locales'}));
        build.onLoad({filter: /.*/, namespace: 'locales'}, () => ({contents: LOCALES_STUB, loader: 'js'}));
      },
    }],
  });
  fs.renameSync(unfinished, out);
  return out;
}

let workerModule;

/** The worker's modules (`HeapSnapshot`, `HeapSnapshotLoader`, …). */
export async function loadWorker() {
  if (!workerModule) {
    addMissingBuiltIns();
    workerModule = await import(pathToFileURL(await bundle()));
  }
  return workerModule;
}

/**
 * Loads a file as the Memory panel does.
 *
 * @param {string} file a .heapsnapshot file
 * @returns `{snapshot, rawSelfSizes, rawStringCount, warnings}`: DevTools' `JSHeapSnapshot`, the self sizes and the number of
 *   strings as they stand in the file (the worker changes both while it loads) and everything it complained about
 */
export async function loadSnapshot(file) {
  const {HeapSnapshot, HeapSnapshotLoader} = await loadWorker();
  const warnings = [];
  const realWarn = console.warn, realError = console.error, realAssert = console.assert;
  console.warn = (...text) => warnings.push(text.join(' '));
  console.error = (...text) => warnings.push(text.join(' '));
  console.assert = (holds, ...text) => holds || warnings.push(`assertion failed: ${text.join(' ')}`);

  const prototype = HeapSnapshot.JSHeapSnapshot.prototype;
  const realCalculate = prototype.calculateShallowSizes;
  let rawSelfSizes, rawStringCount;
  prototype.calculateShallowSizes = function() {
    const {nodes, nodeCount, nodeFieldCount, nodeSelfSizeOffset} = this;
    rawStringCount = this.strings.length;
    rawSelfSizes = new Uint32Array(nodeCount);
    for (let ordinal = 0; ordinal < nodeCount; ++ordinal) {
      rawSelfSizes[ordinal] = nodes.getValue(ordinal * nodeFieldCount + nodeSelfSizeOffset);
    }
    realCalculate.call(this);
  };

  const {port1, port2} = new MessageChannel();
  try {
    const dispatcher = {
      sendEvent(name, data) {
        if (/broken/i.test(name)) {
          warnings.push(String(data));
        }
      },
    };
    const loader = new HeapSnapshotLoader.HeapSnapshotLoader(dispatcher);
    const secondary = new HeapSnapshot.SecondaryInitManager(port2);
    const stream = fs.createReadStream(file, {highWaterMark: CHUNK_BYTES, encoding: 'utf8'});
    for await (const chunk of stream) {
      loader.write(chunk);
    }
    loader.close();
    const snapshot = await loader.buildSnapshot(port1);
    void secondary;
    return {snapshot, rawSelfSizes, rawStringCount, warnings};
  } finally {
    prototype.calculateShallowSizes = realCalculate;
    console.warn = realWarn;
    console.error = realError;
    console.assert = realAssert;
    port1.close();
    port2.close();
  }
}

/** The rows of Summary, with a filter or without: one object per class, largest retained size first. */
export function classRows(snapshot, filter = {}) {
  const rows = Object.entries(snapshot.aggregatesWithFilter(filter)).map(([key, row]) => ({
    key,
    name: row.name,
    count: row.count,
    distance: row.distance,
    shallow: row.self,
    retained: row.maxRet,
  }));
  rows.sort((a, b) => b.retained - a.retained || (a.key < b.key ? -1 : 1));
  return rows;
}

/** Names of filters that need no more than the snapshot. */
const NAMED_FILTERS = [
  'duplicatedStrings',
  'objectsRetainedByDetachedDomNodes',
  'objectsRetainedByContexts',
  'objectsRetainedByConsole',
  'objectsRetainedByEventHandlers',
  'sharedNativeContext',
  'noNativeContext',
];

/** Filters for one native context are tried with so many of them. */
const CONTEXTS_TRIED = 3;

/**
 * The rows under every filter.
 *
 * @returns `{filters, ids, native_contexts}`: rows by the filter's name; the id range of the filter `ids` (above `after`, up to
 *   `up_to`); bytes by native context, of which `native_context_N` is the filter
 */
export function filteredRows(snapshot) {
  const filters = {};
  for (const filterName of NAMED_FILTERS) {
    filters[filterName] = classRows(snapshot, {filterName});
  }
  const upTo = snapshot.maxJsNodeId();
  const after = Math.floor(upTo / 2);
  filters.ids = classRows(snapshot, {minNodeId: after, maxNodeId: upTo});
  const sizes = snapshot.getNativeContextSizes();
  for (const [at, {nodeIndex}] of sizes.nativeContexts.slice(0, CONTEXTS_TRIED).entries()) {
    filters[`native_context_${at}`] = classRows(snapshot, {filterName: `nativeContext_${nodeIndex}`});
  }
  return {
    filters,
    ids: {after, up_to: upTo},
    native_contexts: {
      contexts: sizes.nativeContexts.map(({nodeId, nodeName, attributedSize, retainedSize}) =>
        ({id: nodeId, name: nodeName, attributed: attributedSize, retained: retainedSize})),
      shared: sizes.sharedSize,
      unattributed: sizes.noAttributionSize,
    },
  };
}

// heaplab's `leaks` beside memlab on the same three snapshots, in turns: `node compare.mjs LEAKS FOLDER [ROUNDS]`.
// LEAKS is the built example (target/release/examples/leaks); FOLDER holds {1,2,3}.heapsnapshot. First `npm ci
// --ignore-scripts` here with PUPPETEER_SKIP_DOWNLOAD=1. Prints CPU seconds (user and system) and their ratio
// round by round, and the median ratio.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

const [leaks, folder, rounds = '5'] = process.argv.slice(2);
if (!leaks || !folder) {
  console.error('usage: node compare.mjs LEAKS FOLDER [ROUNDS]');
  process.exit(2);
}
const files = [1, 2, 3].map((n) => join(resolve(folder), `${n}.heapsnapshot`));
const memlab = join(dirname(createRequire(import.meta.url).resolve('memlab/package.json')), 'bin', 'memlab');
const work = mkdtempSync(join(tmpdir(), 'memlab-'));

/** CPU seconds of a child, all its threads counted. */
function cpu(program, args) {
  const before = children();
  const run = spawnSync(program, args, { cwd: work, encoding: 'utf8', maxBuffer: 1 << 28 });
  if (run.status !== 0) throw new Error(`${program} ${args.join(' ')}: ${run.stderr || run.error}`);
  return { seconds: children() - before, text: run.stdout };
}
/** CPU seconds of all children that ended, from /proc (Linux): cutime and cstime in ticks of 10 ms. */
function children() {
  const stat = require('fs').readFileSync('/proc/self/stat', 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[13]) + Number(fields[14])) / 100;
}
const require = createRequire(import.meta.url);

console.log(`${(files.reduce((sum, f) => sum + statSync(f).size, 0) / 1e6).toFixed(1)} MB in three files`);
// A short run is repeated, so that ticks of 10 ms do not matter.
const repeat = statSync(files[0]).size < 2e7 ? 20 : 1;
const ratios = [];
for (let round = 1; round <= Number(rounds); round++) {
  let ours = 0;
  for (let i = 0; i < repeat; i++) ours += cpu(resolve(leaks), files).seconds / repeat;
  const theirs = cpu(process.execPath, [memlab, 'find-leaks', '--baseline', files[0], '--target', files[1],
    '--final', files[2], '--work-dir', work]).seconds;
  ratios.push(theirs / ours);
  console.log(`round ${round}: heaplab ${ours.toFixed(3)} s, memlab ${theirs.toFixed(2)} s, ratio ${(theirs / ours).toFixed(1)}`);
}
ratios.sort((a, b) => a - b);
console.log(`median ratio ${ratios[ratios.length >> 1].toFixed(1)}`);
rmSync(work, { recursive: true });

// Makes snapshots of the programs in programs*.mjs: `node make.mjs OUT SEED [NODE [PATTERNS]]` writes, for each pattern,
// OUT/<pattern>/{1,2,3}.heapsnapshot and truth.json. NODE is the Node that runs them (default: this one); PATTERNS is
// a list with commas, or a set's number (default: all).
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { HEALTHY, LEAKS, namesFrom } from './programs.mjs';
import * as second from './programs-second.mjs';
import * as third from './programs-third.mjs';
import * as fourth from './programs-fourth.mjs';

const [out, seedText, node = process.execPath, wanted] = process.argv.slice(2);
if (!out || !Number.isInteger(Number(seedText))) {
  console.error('usage: node make.mjs OUT SEED [NODE [PATTERNS]]');
  process.exit(2);
}
const seed = Number(seedText);
const EVEN = [400, 400, 400];

// A warm-up first: what a program makes once is there before the first snapshot.
const harness = (source, loads, application) => `${application}${source}
const v8 = require('v8');
const settle = () => new Promise((done) => setTimeout(done, 5));
const loads = ${JSON.stringify(loads)};
(async () => {
  for (let i = 1; i <= 3; i++) {
    await step(loads[i - 1]);
    if (typeof background === 'function') background(loads[i - 1]);
    await settle();
    gc(); gc();
    v8.writeHeapSnapshot(i + '.heapsnapshot');
  }
  process.exit(0);
})();
`;

const sets = [{ LEAKS, HEALTHY }, second, third, fourth];
const all = sets.flatMap((set, part) =>
  [[set.LEAKS, true], [set.HEALTHY, false]].flatMap(([programs, leak]) =>
    Object.entries(programs).map(([name, make]) => ({ name, make, set, part, leak }))));
const numbered = all.map((program, index) => ({ ...program, index }));
const isWanted = ({ name, part }) => !wanted || wanted.split(',').some((want) => want === name || want === String(part + 1));
const chosen = numbered.filter(isWanted);
for (const { name, make, set, part, leak, index } of chosen) {
  const names = namesFrom(seed + 101 * index);
  const application = set.application ? set.application(names) : '';
  const made = make(names);
  const folder = join(resolve(out), name);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'program.cjs'), harness(leak ? made.source : made, set.LOADS ?? EVEN, application));
  writeFileSync(join(folder, 'truth.json'), JSON.stringify({ set: part + 1, leak, ...(leak ? made.truth : {}) }));
  const run = spawnSync(node, ['--expose-gc', 'program.cjs'], { cwd: folder, encoding: 'utf8' });
  if (run.status !== 0) {
    console.error(`${name}: ${run.stderr}`);
    process.exit(1);
  }
}
console.log(`${chosen.length} programs`);

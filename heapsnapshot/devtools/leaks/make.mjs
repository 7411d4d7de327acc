// Makes snapshots of the programs in programs.mjs: `node make.mjs OUT SEED [NODE]` writes, for each pattern,
// OUT/<pattern>/{1,2,3}.heapsnapshot and truth.json. NODE is the Node that runs them (default: this one).
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { HEALTHY, LEAKS, namesFrom } from './programs.mjs';
import * as second from './programs-second.mjs';

const [out, seedText, node = process.execPath] = process.argv.slice(2);
if (!out || !Number.isInteger(Number(seedText))) {
  console.error('usage: node make.mjs OUT SEED [NODE]');
  process.exit(2);
}
const seed = Number(seedText);
const LOAD = 400;

// A warm-up first: what a program makes once is there before the first snapshot.
const harness = (source) => `${source}
const v8 = require('v8');
const settle = () => new Promise((done) => setTimeout(done, 5));
(async () => {
  step(${LOAD});
  for (let i = 1; i <= 3; i++) {
    if (i > 1) step(${LOAD});
    await settle();
    gc(); gc();
    v8.writeHeapSnapshot(i + '.heapsnapshot');
  }
  process.exit(0);
})();
`;

const all = [
  ...[LEAKS, second.LEAKS].flatMap((set, part) => Object.entries(set).map(([name, make]) => ({ name, make, part, leak: true }))),
  ...[HEALTHY, second.HEALTHY].flatMap((set, part) => Object.entries(set).map(([name, make]) => ({ name, make, part, leak: false }))),
];
for (const [index, { name, make, part, leak }] of all.entries()) {
  const made = make(namesFrom(seed + 101 * index));
  const folder = join(resolve(out), name);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'program.cjs'), harness(leak ? made.source : made));
  writeFileSync(join(folder, 'truth.json'), JSON.stringify({ set: part + 1, leak, ...(leak ? made.truth : {}) }));
  const run = spawnSync(node, ['--expose-gc', 'program.cjs'], { cwd: folder, encoding: 'utf8' });
  if (run.status !== 0) {
    console.error(`${name}: ${run.stderr}`);
    process.exit(1);
  }
}
console.log(`${all.length} programs`);

// Writes snapshots of real npm programs: see ../README.md.
//
//     npm ci --ignore-scripts
//     node make.mjs OUT_DIR [--node PATH] [--size small|medium|large|huge] [--only PROGRAM]
//
// Every program does the same work in every run; what differs between two snapshots of it are addresses, ids and what V8
// happened to compile.

import {spawnSync} from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import {fileURLToPath} from 'node:url';
import {parseArgs} from 'node:util';

const HERE = path.dirname(fileURLToPath(import.meta.url));

const USAGE = `Usage: node make.mjs OUT_DIR [--node PATH] [--size SIZE] [--only PROGRAM]

Runs real npm programs and writes OUT_DIR/SIZE-PROGRAM-nodeNN.heapsnapshot for each; prints the files' paths.

  --node PATH       the Node that runs them (default: this one)
  --size SIZE       small (5 to 10 MB a file), medium (50 MB), large (250 MB), huge (over 1 GB; needs 8 GB of memory);
                    default: small
  --only PROGRAM    only this one: ajv, eslint, fastify, jsdom, typescript, webpack
`;

/** How often each program does its work, by size. A program that is not listed has no such size. */
const SIZES = {
  small: {ajv: 1, fastify: 1},
  medium: {eslint: 10, webpack: 1, jsdom: 25},
  large: {webpack: 6, typescript: 3, jsdom: 175},
  huge: {typescript: 17, jsdom: 950},
};

/** The part that writes; `program` is a module whose function returns what is to be kept. */
const HARNESS = `
const [program, times, out] = process.argv.slice(1);
require(program)(Number(times)).then(kept => {
  globalThis.kept = kept;
  return new Promise(done => setTimeout(done, 50));
}).then(() => {
  gc();
  gc();
  require('v8').writeHeapSnapshot(out);
  process.exit(0);
}).catch(error => {
  console.error(error);
  process.exit(1);
});
`;

function arguments_() {
  const {values, positionals} = parseArgs({
    allowPositionals: true,
    options: {
      node: {type: 'string', default: process.execPath},
      size: {type: 'string', default: 'small'},
      only: {type: 'string'},
    },
  });
  const sizes = SIZES[values.size];
  if (positionals.length !== 1 || !sizes || (values.only && !(values.only in sizes))) {
    throw new Error('one folder, a size of the list, and a program that has this size');
  }
  return {out: path.resolve(positionals[0]), ...values, sizes};
}

function main() {
  let options;
  try {
    options = arguments_();
  } catch (error) {
    process.stderr.write(`${error.message}\n\n${USAGE}`);
    return 2;
  }
  const {out, node, size, sizes, only} = options;
  if (!fs.existsSync(path.join(HERE, 'node_modules'))) {
    process.stderr.write(`the programs are missing: run "npm ci --ignore-scripts" in ${HERE}\n`);
    return 2;
  }
  const version = spawnSync(node, ['-p', 'process.versions.node.split(".")[0]'], {encoding: 'utf8'});
  if (version.status !== 0) {
    process.stderr.write(`${node}: not a Node that runs: ${version.error?.message ?? version.stderr}\n`);
    return 2;
  }
  fs.mkdirSync(out, {recursive: true});
  for (const [program, times] of Object.entries(sizes)) {
    if (only && program !== only) {
      continue;
    }
    const file = path.join(out, `${size}-${program}-node${version.stdout.trim()}.heapsnapshot`);
    const unfinished = `${file}.tmp`;
    const flags = ['--expose-gc', '--max-old-space-size=12000', '--random-seed=1', '--hash-seed=1'];
    const module = path.join(HERE, `${program}.cjs`);
    const run = spawnSync(node, [...flags, '-e', HARNESS, '--', module, String(times), unfinished], {
      cwd: HERE,
      stdio: ['ignore', 'ignore', 'pipe'],
      encoding: 'utf8',
    });
    if (run.status !== 0) {
      fs.rmSync(unfinished, {force: true});
      process.stderr.write(`${program}: ${run.error?.message ?? run.stderr}\n`);
      return 1;
    }
    fs.renameSync(unfinished, file);
    process.stdout.write(`${file}\n`);
  }
  return 0;
}

process.exitCode = main();

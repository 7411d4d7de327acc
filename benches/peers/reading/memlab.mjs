// memlab reads a snapshot and sums up its classes: `node memlab.mjs FILE`.
//
// The peer of `heaplab snapshot summary`. memlab computes dominators and retained sizes of all nodes when it loads a file.

import {createRequire} from 'node:module';

const require = createRequire(import.meta.url);
const {getFullHeapFromFile} = require('@memlab/heap-analysis');

const file = process.argv[2];
if (!file) {
  process.stderr.write('usage: node memlab.mjs FILE\n');
  process.exit(2);
}
const snapshot = await getFullHeapFromFile(file);
const classes = new Map();
let nodes = 0;
snapshot.nodes.forEach(node => {
  ++nodes;
  const key = node.type === 'object' || node.type === 'native' ? node.name : node.type;
  let row = classes.get(key);
  if (!row) {
    classes.set(key, row = {count: 0, shallow: 0, retained: 0});
  }
  ++row.count;
  row.shallow += node.self_size;
  row.retained = Math.max(row.retained, node.retainedSize);
});
process.stdout.write(`${JSON.stringify({nodes, classes: classes.size})}\n`);
process.exit(0);

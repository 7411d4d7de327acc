#!/usr/bin/env node
// What Chrome DevTools computes for a .heapsnapshot file: see README.md for the output's form.

import * as fs from 'node:fs';
import {parseArgs} from 'node:util';

import {classRows, filteredRows, loadSnapshot} from './worker.mjs';

const USAGE = `Usage: node oracle.mjs [--nodes FILE.bin] [--filters] [--fail-on-warning] SNAPSHOT

Loads SNAPSHOT with Chrome DevTools' own worker; prints counts, totals, warnings and class rows as JSON.

  --nodes FILE.bin    also write every node's numbers (columns, little endian; see README.md)
  --filters           also print the rows of every filter of Summary, and whose the memory is by native context
  --fail-on-warning   exit 1 if the worker complained about the file
`;

/** The magic number and version at the start of a nodes file. */
const NODES_MAGIC = 'HLORACL2';

/** Writes the per-node columns; returns the names of classes, which the last column counts. */
function writeNodes(file, {snapshot, rawSelfSizes}) {
  const count = snapshot.nodeCount;
  const header = Buffer.alloc(16);
  header.write(NODES_MAGIC, 0, 'latin1');
  header.writeBigUInt64LE(BigInt(count), 8);
  const shown = new Uint32Array(count);
  const classes = new Uint32Array(count);
  const classNumbers = new Map();
  const node = snapshot.createNode(0);
  for (let ordinal = 0; ordinal < count; ++ordinal) {
    node.nodeIndex = ordinal * snapshot.nodeFieldCount;
    shown[ordinal] = snapshot.nodes.getValue(node.nodeIndex + snapshot.nodeSelfSizeOffset);
    const name = node.className();
    let number = classNumbers.get(name);
    if (number === undefined) {
      number = classNumbers.size;
      classNumbers.set(name, number);
    }
    classes[ordinal] = number;
  }
  const columns = [
    snapshot.retainedSizes,  // f64
    rawSelfSizes,            // u32
    shown,                   // u32
    snapshot.nodeDistances,  // i32
    snapshot.dominatorsTree, // u32, ordinals
    classes,                 // u32, positions in class_names
  ];
  const descriptor = fs.openSync(file, 'w');
  try {
    fs.writeSync(descriptor, header);
    for (const column of columns) {
      const bytes = new Uint8Array(column.buffer, column.byteOffset, column.byteLength);
      for (let at = 0; at < bytes.length;) {
        at += fs.writeSync(descriptor, bytes, at, Math.min(bytes.length - at, 1 << 28));
      }
    }
  } finally {
    fs.closeSync(descriptor);
  }
  return [...classNumbers.keys()];
}

async function main() {
  let options;
  try {
    options = parseArgs({
      allowPositionals: true,
      options: {
        nodes: {type: 'string'},
        filters: {type: 'boolean', default: false},
        'fail-on-warning': {type: 'boolean', default: false},
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
  if (positionals.length !== 1) {
    process.stderr.write(USAGE);
    return 2;
  }
  let loaded;
  try {
    loaded = await loadSnapshot(positionals[0]);
  } catch (error) {
    process.stderr.write(`${positionals[0]}: DevTools refuses it: ${error.message ?? error}\n`);
    return 3;
  }
  const {snapshot, rawStringCount, warnings} = loaded;
  const classNames = values.nodes ? writeNodes(values.nodes, loaded) : undefined;
  process.stdout.write(`${JSON.stringify({
    file: positionals[0],
    node_count: snapshot.nodeCount,
    edge_count: snapshot.containmentEdges.length / snapshot.edgeFieldsCount,
    string_count: rawStringCount,
    total_size: snapshot.totalSize,
    statistics: snapshot.getStatistics(),
    warnings,
    classes: classRows(snapshot),
    class_names: classNames,
    ...(values.filters ? filteredRows(snapshot) : {}),
  }, null, 1)}\n`);
  return warnings.length > 0 && values['fail-on-warning'] ? 1 : 0;
}

process.exitCode = await main();

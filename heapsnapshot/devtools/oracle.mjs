#!/usr/bin/env node
// What Chrome DevTools computes for a .heapsnapshot file: see README.md for the output's form.

import * as fs from 'node:fs';
import {parseArgs} from 'node:util';

import {classRows, loadSnapshot} from './worker.mjs';

const USAGE = `Usage: node oracle.mjs [--nodes FILE.bin] [--fail-on-warning] SNAPSHOT

Loads SNAPSHOT with Chrome DevTools' own worker; prints counts, totals, warnings and class rows as JSON.

  --nodes FILE.bin    also write every node's numbers (columns, little endian; see README.md)
  --fail-on-warning   exit 1 if the worker complained about the file
`;

/** The magic number and version at the start of a nodes file. */
const NODES_MAGIC = 'HLORACL1';

/** Writes the per-node columns. */
function writeNodes(file, {snapshot, rawSelfSizes}) {
  const count = snapshot.nodeCount;
  const header = Buffer.alloc(16);
  header.write(NODES_MAGIC, 0, 'latin1');
  header.writeBigUInt64LE(BigInt(count), 8);
  const shown = new Uint32Array(count);
  for (let ordinal = 0; ordinal < count; ++ordinal) {
    shown[ordinal] = snapshot.nodes.getValue(ordinal * snapshot.nodeFieldCount + snapshot.nodeSelfSizeOffset);
  }
  const columns = [
    snapshot.retainedSizes,  // f64
    rawSelfSizes,            // u32
    shown,                   // u32
    snapshot.nodeDistances,  // i32
    snapshot.dominatorsTree, // u32, ordinals
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
}

async function main() {
  let options;
  try {
    options = parseArgs({
      allowPositionals: true,
      options: {
        nodes: {type: 'string'},
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
  if (values.nodes) {
    writeNodes(values.nodes, loaded);
  }
  process.stdout.write(`${JSON.stringify({
    file: positionals[0],
    node_count: snapshot.nodeCount,
    edge_count: snapshot.containmentEdges.length / snapshot.edgeFieldsCount,
    string_count: rawStringCount,
    total_size: snapshot.totalSize,
    statistics: snapshot.getStatistics(),
    warnings,
    classes: classRows(snapshot),
  }, null, 1)}\n`);
  return warnings.length > 0 && values['fail-on-warning'] ? 1 : 0;
}

process.exitCode = await main();

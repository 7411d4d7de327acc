// How fast this Node writes a snapshot of a heap of objects linked at random, and how much memory that takes: the same work
// as heapsnapshot/examples/snapshot_speed.rs, and the same line of JSON.
//
//     node --max-old-space-size=MB speed.mjs OBJECTS
//
// The snapshot goes into a sink that only counts. Linux only: sizes come from /proc.

import * as fs from 'node:fs';
import * as v8 from 'node:v8';

const objects = Number(process.argv[2]);
if (!(objects > 0)) {
  process.stderr.write('usage: node speed.mjs OBJECTS\n');
  process.exit(2);
}

class Node {
  constructor() {
    this.a = null;
    this.b = null;
    this.c = null;
    this.d = null;
  }
}

/** A field of /proc/self/status, in bytes. */
function statusBytes(field) {
  const line = fs.readFileSync('/proc/self/status', 'latin1').split('\n').find(line => line.startsWith(`${field}:`));
  return 1024 * Number.parseInt(line.slice(field.length + 1), 10);
}

const all = new Array(objects);
for (let n = 0; n < objects; ++n) {
  all[n] = new Node();
}
let state = 0x9E3779B9 | 0;
function random() {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return Math.floor((state >>> 0) / 2 ** 32 * objects);
}
for (const node of all) {
  node.a = all[random()];
  node.b = all[random()];
  node.c = all[random()];
  node.d = all[random()];
}

const live = v8.getHeapStatistics().used_heap_size;
fs.writeFileSync('/proc/self/clear_refs', '5');
const resident = statusBytes('VmRSS');
const cpu = process.cpuUsage();
const wall = process.hrtime.bigint();
let bytes = 0;
for await (const chunk of v8.getHeapSnapshot()) {
  bytes += chunk.length;
}
const wallSeconds = Number(process.hrtime.bigint() - wall) / 1e9;
const {user, system} = process.cpuUsage(cpu);
const cpuSeconds = (user + system) / 1e6;
if (all.length !== objects) {
  throw new Error('unreachable; keeps the objects alive');
}
process.stdout.write(`${JSON.stringify({
  objects,
  live_bytes: live,
  file_bytes: bytes,
  cpu_seconds: cpuSeconds,
  wall_seconds: wallSeconds,
  mb_per_cpu_second: bytes / 1e6 / cpuSeconds,
  extra_resident_bytes: Math.max(0, statusBytes('VmHWM') - resident),
  version: process.version,
})}\n`);

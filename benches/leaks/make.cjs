// Three snapshots in the working directory: a heap of ordinary records, and a map that leaks.
// Run with: node --expose-gc make.cjs small|large  (5 MB each, or 85 MB each).
const v8 = require('v8');
class Record { constructor(i) { this.id = i; this.name = 'record ' + i; this.tags = [i % 7, i % 11]; this.next = { at: i, done: false }; } }
class Session { constructor(i) { this.user = 'user ' + i; } }
const [many, each] = process.argv[2] === 'large' ? [210_000, 5_000] : [3_500, 400];
const records = new Map();
for (let i = 0; i < many; i++) records.set(i, new Record(i));
const sessions = new Map();
let count = 0;
for (let round = 1; round <= 3; round++) {
  for (let k = 0; k < each; k++) sessions.set('session ' + count, new Session(count++));
  gc(); gc();
  v8.writeHeapSnapshot(round + '.heapsnapshot');
}
process.exit(records.size + sessions.size > 0 ? 0 : 1);

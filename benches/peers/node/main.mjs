// node main.mjs BENCH [ITERATIONS]: runs one bench that often and prints its report as the last line.
import { alloc } from './alloc.mjs';
import { PUTS, lru, unbounded } from './cache.mjs';
import { closure } from './closure.mjs';
import { report } from './common.mjs';
import { mark, mutate } from './graph.mjs';
import { queue } from './queue.mjs';
import { sizes } from './sizes.mjs';
import { surv } from './surv.mjs';
import { binaryTrees, gcBench } from './trees.mjs';

const BENCHES = {
  empty: () => ({ checksum: 0, objects: 0, bytes: 0 }),
  sizes,
  alloc,
  surv20: () => surv(20),
  surv50: () => surv(50),
  surv80: () => surv(80),
  bt18: binaryTrees,
  gcb18: gcBench,
  queue,
  closure,
  cacheu: () => unbounded(PUTS),
  cachel: () => lru(PUTS),
  cachel1m: () => lru(PUTS / 2),
  mutate,
  'mark-seq': () => mark('seq', 1 << 22),
  'mark-rand': () => mark('rand', 1 << 22),
  'mark-root': () => mark('root', 1 << 22),
  'mark16-seq': () => mark('seq', 1 << 24),
  'mark16-rand': () => mark('rand', 1 << 24),
  'mark16-root': () => mark('root', 1 << 24),
};

const bench = process.argv[2];
const iterations = Number(process.argv[3] ?? 1);
if (!Object.hasOwn(BENCHES, bench ?? '') || !Number.isInteger(iterations) || iterations < 1) {
  console.error(`usage: main.mjs BENCH [ITERATIONS]; BENCH is one of ${Object.keys(BENCHES).join(', ')}`);
  process.exit(2);
}
const start = performance.now();
const results = [];
for (let i = 0; i < iterations; i++) results.push(BENCHES[bench]());
report(bench, results, (performance.now() - start) * 1e6);

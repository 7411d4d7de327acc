// node main.mjs BENCH [ITERATIONS]: runs one bench and prints its report as the last line.
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
  surv20: (n) => surv(n, 20),
  surv50: (n) => surv(n, 50),
  surv80: (n) => surv(n, 80),
  bt18: binaryTrees,
  gcb18: gcBench,
  queue,
  closure,
  cacheu: (n) => unbounded(n, PUTS),
  cachel: (n) => lru(n, PUTS),
  cachel1m: (n) => lru(n, PUTS / 2),
  mutate,
  'mark-seq': (n) => mark(n, 'seq', 1 << 22),
  'mark-rand': (n) => mark(n, 'rand', 1 << 22),
  'mark-root': (n) => mark(n, 'root', 1 << 22),
  'mark16-seq': (n) => mark(n, 'seq', 1 << 24),
  'mark16-rand': (n) => mark(n, 'rand', 1 << 24),
  'mark16-root': (n) => mark(n, 'root', 1 << 24),
};

const bench = process.argv[2];
const iterations = Number(process.argv[3] ?? 1);
if (!Object.hasOwn(BENCHES, bench ?? '') || !Number.isInteger(iterations) || iterations < 1) {
  console.error(`usage: main.mjs BENCH [ITERATIONS]; BENCH is one of ${Object.keys(BENCHES).join(', ')}`);
  process.exit(2);
}
const start = performance.now();
const result = BENCHES[bench](iterations);
report(bench, iterations, (performance.now() - start) * 1e6, result);

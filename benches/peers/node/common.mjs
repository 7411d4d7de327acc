// What every bench shares: the generator, the checksum, and the report line that `cargo xtask compare heap` reads.
import { readFileSync } from 'node:fs';

/** xorshift32 (13, 17, 5) from one fixed seed: the same numbers in every language. */
export class Random {
  constructor() {
    this.state = 0x9e3779b9 | 0;
  }

  /** The next number, 0 to 2^32 − 1. */
  next() {
    let x = this.state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.state = x;
    return x >>> 0;
  }

  /** A number in [0, 1). */
  unit() {
    return this.next() / 4294967296;
  }

  /** An index below n: (r · n) >> 32. Exact for n up to 2^21 and for powers of two, which is all the benches use. */
  index(n) {
    return Math.floor((this.next() * n) / 4294967296);
  }
}

/** One step of the checksum: sum · 31 + value, modulo 2^32. */
export const mix = (sum, value) => (Math.imul(sum, 31) + value) | 0;

/** An array filled element by element, so that V8 keeps it as one packed array of objects. */
export function filled(length, value) {
  const array = [];
  for (let i = 0; i < length; i++) array.push(value);
  return array;
}

/** p50, p99, p99.9 and the maximum of durations in milliseconds, as nanoseconds. */
export function percentiles(milliseconds) {
  const sorted = Float64Array.from(milliseconds).sort();
  const at = (q) => Math.round(sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] * 1e6);
  return { count: sorted.length, p50: at(0.5), p99: at(0.99), p999: at(0.999), max: at(1) };
}

/**
 * Prints the line that ends every run. Each result has checksum, objects, bytes and whatever else the bench measured;
 * objects and bytes are added up, the rest is the last one's.
 */
export function report(bench, results, wallNs) {
  const last = results[results.length - 1];
  if (results.some((result) => result.checksum !== last.checksum)) {
    console.error(`${bench}: the iterations disagree about the checksum`);
    process.exit(1);
  }
  const total = (name) => results.reduce((sum, result) => sum + result[name], 0);
  const cpu = process.cpuUsage();
  const status = readFileSync('/proc/self/status', 'utf8');
  const line = {
    bench,
    iterations: results.length,
    ...last,
    checksum: last.checksum >>> 0,
    objects: total('objects'),
    bytes: total('bytes'),
    wall_ns: Math.round(wallNs),
    cpu_ns: (cpu.user + cpu.system) * 1000,
    peak_rss: Number(/VmHWM:\s+(\d+)/.exec(status)[1]) * 1024,
  };
  // The trace lines share stdout: start on a line of our own.
  process.stdout.write(`\n${JSON.stringify(line)}\n`);
}

// cacheu: two million puts of "key-i", two reads after each; nothing is ever dropped.
// cachel: the same stream into an LRU of 100,000: a map and a doubly linked list, a hit moves to the front.
import { Random, mix } from './common.mjs';

export const PUTS = 2_000_000;
const CAPACITY = 100_000;

const payload = (i) => [i, i + 1, i + 2, i + 3, i + 4, i + 5, i + 6, i + 7];

/** The key that the i-th operation reads: recent ones far more often than old ones. */
function earlier(i, random) {
  const u = random.unit();
  const squared = u * u;
  return i - Math.floor(i * (squared * squared));
}

export function unbounded(puts) {
  let checksum = 0;
  const random = new Random();
  const cache = new Map();
  for (let i = 0; i < puts; i++) {
    const key = `key-${i}`;
    cache.set(key, { key, payload: payload(i) });
    for (let read = 0; read < 2; read++) {
      const j = earlier(i, random);
      const entry = cache.get(`key-${j}`);
      checksum = mix(checksum, entry === undefined ? 1 : entry.payload[j & 7] + entry.key.length);
    }
  }
  checksum = mix(checksum, cache.size);
  // A string of up to eleven characters 16 + 16, entry 40, array of eight 32 + 80; two key texts for the reads.
  const objects = puts * 5;
  return { checksum, objects, bytes: puts * (3 * 32 + 40 + 112) };
}

class Lru {
  constructor(capacity) {
    this.capacity = capacity;
    this.map = new Map();
    this.first = null;
    this.last = null;
  }

  unlink(node) {
    if (node.previous === null) this.first = node.next;
    else node.previous.next = node.next;
    if (node.next === null) this.last = node.previous;
    else node.next.previous = node.previous;
  }

  pushFront(node) {
    node.previous = null;
    node.next = this.first;
    if (this.first === null) this.last = node;
    else this.first.previous = node;
    this.first = node;
  }

  put(key, value) {
    if (this.map.size === this.capacity) {
      const victim = this.last;
      this.unlink(victim);
      this.map.delete(victim.key);
    }
    const node = { key, payload: value, previous: null, next: null };
    this.map.set(key, node);
    this.pushFront(node);
  }

  get(key) {
    const node = this.map.get(key);
    if (node === undefined) return null;
    if (this.first !== node) {
      this.unlink(node);
      this.pushFront(node);
    }
    return node;
  }
}

export function lru(puts) {
  let checksum = 0;
  const random = new Random();
  const cache = new Lru(CAPACITY);
  for (let i = 0; i < puts; i++) {
    cache.put(`key-${i}`, payload(i));
    for (let read = 0; read < 2; read++) {
      const j = earlier(i, random);
      const node = cache.get(`key-${j}`);
      checksum = mix(checksum, node === null ? 1 : node.payload[j & 7] + node.key.length);
    }
  }
  checksum = mix(checksum, cache.map.size);
  const objects = puts * 5;
  return { checksum, objects, bytes: puts * (3 * 32 + 56 + 112) };
}

// Bytes per object as V8 accounts for them: a million of each, the growth of the used heap.
const COUNT = 1_000_000;

// Reachable from outside while it is measured: V8 may drop a local array that nobody reads again.
export let kept = null;

function measure(make) {
  kept = new Array(COUNT);
  for (let i = 0; i < COUNT; i++) kept[i] = null;
  global.gc();
  const before = process.memoryUsage().heapUsed;
  for (let i = 0; i < COUNT; i++) kept[i] = make(i);
  global.gc();
  return Math.round((process.memoryUsage().heapUsed - before) / COUNT);
}

export function sizes() {
  return {
    checksum: 0,
    objects: 0,
    bytes: 0,
    sizes: {
      alloc: measure((i) => ({ a: i })),
      'tree {l, r, v}': measure((i) => ({ l: null, r: null, v: i })),
      'tree {left, right}': measure(() => ({ left: null, right: null })),
      'tree {left, right, i, j}': measure((i) => ({ left: null, right: null, i, j: 0 })),
      'message {id, body, next}': measure((i) => ({ id: i, body: null, next: null })),
      'pair {a, b}': measure((i) => ({ a: i, b: i })),
      'four integers': measure((i) => [i, i + 1, i + 2, i + 3]),
      'eight integers': measure((i) => [i, i + 1, i + 2, i + 3, i + 4, i + 5, i + 6, i + 7]),
      'closure over {id, buffer}': measure((id) => {
        const buffer = null;
        return () => [id, buffer];
      }),
      'key text': measure((i) => `key-${i}`),
      'entry {key, payload}': measure((i) => ({ key: null, payload: i })),
      'LRU node': measure((i) => ({ key: null, payload: i, previous: null, next: null })),
      'node {id, a, b, c, d}': measure((i) => ({ id: i, a: null, b: null, c: null, d: null })),
    },
  };
}

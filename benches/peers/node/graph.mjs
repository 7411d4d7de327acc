// mutate: five million stores into 512 MB of randomly linked nodes, with the latency of each thousand.
// mark: full collections of nodes with four references.
// A node {id, a, b, c, d} is 64 bytes: map, properties, elements, five in-object fields.
import { Random, filled, mix, percentiles } from './common.mjs';

/**
 * A class and not a literal: V8 keeps survival counts for each literal in the source. All nodes of the graph survive, so a
 * literal's would be born old from then on, also in mutate's loop, which would then end before anything is collected.
 */
class Node {
  constructor(id) {
    this.id = id;
    this.a = null;
    this.b = null;
    this.c = null;
    this.d = null;
  }
}

const newNode = (id) => new Node(id);

function linkRandomly(nodes, random) {
  const n = nodes.length;
  for (let i = 0; i < n; i++) {
    const node = nodes[i];
    node.a = nodes[random.index(n)];
    node.b = nodes[random.index(n)];
    node.c = nodes[random.index(n)];
    node.d = nodes[random.index(n)];
  }
}

function linkNeighbours(nodes) {
  const n = nodes.length;
  for (let i = 0; i < n; i++) {
    const node = nodes[i];
    node.a = nodes[(i + 1) & (n - 1)];
    node.b = nodes[(i + 2) & (n - 1)];
    node.c = nodes[(i + 3) & (n - 1)];
    node.d = nodes[(i + 4) & (n - 1)];
  }
}

function allNodes(n) {
  const nodes = new Array(n);
  for (let i = 0; i < n; i++) nodes[i] = newNode(i);
  return nodes;
}

function linkSum(nodes, checksum) {
  for (let i = 0; i < nodes.length; i++) {
    const node = nodes[i];
    checksum = mix(checksum, node.a.id ^ node.b.id ^ node.c.id ^ node.d.id);
  }
  return checksum;
}

function set(node, k, value) {
  if (k === 0) node.a = value;
  else if (k === 1) node.b = value;
  else if (k === 2) node.c = value;
  else node.d = value;
}

const GRAPH = 1 << 23;
const OPERATIONS = 5_000_000;
const HOT = 65_536;

export function mutate() {
  const random = new Random();
  const nodes = allNodes(GRAPH);
  linkRandomly(nodes, random);
  const hot = new Array(HOT);
  for (let i = 0; i < HOT; i++) hot[i] = nodes[random.index(GRAPH)];
  const sink = filled(8, null);
  global.gc();
  const total = OPERATIONS;
  const latencies = new Float64Array(total / 1000);
  const start = performance.now();
  let before = start;
  for (let op = 0; op < total; op++) {
    const k = (op >> 1) & 3;
    sink[op & 7] = newNode(op);
    if ((op & 1) === 0) {
      const from = random.index(GRAPH);
      const to = random.index(GRAPH);
      set(nodes[from], k, nodes[to]);
    } else {
      const node = newNode(op);
      set(hot[random.index(HOT)], k, node);
    }
    if (op % 1000 === 999) {
      const now = performance.now();
      latencies[(op - 999) / 1000] = now - before;
      before = now;
    }
  }
  const mutateNs = Math.round((performance.now() - start) * 1e6);
  let checksum = linkSum(nodes, 0);
  checksum = mix(checksum, sink[3].id);
  const objects = GRAPH + total + total / 2;
  return { checksum, objects, bytes: objects * 64, mutate_ns: mutateNs, latency: percentiles(latencies) };
}

/** `shape`: seq, rand (all nodes in a root array) or root (random, from one root). */
export function mark(shape, n) {
  const random = new Random();
  let nodes = allNodes(n);
  if (shape === 'seq') linkNeighbours(nodes);
  else linkRandomly(nodes, random);
  const checksum = linkSum(nodes, 0);
  const root = nodes[0];
  if (shape === 'root') nodes = null;
  // The first collection promotes and drops what cannot be reached; it is not counted.
  global.gc();
  const collections = [];
  for (let i = 0; i < 3; i++) {
    const before = performance.now();
    global.gc();
    collections.push(Math.round((performance.now() - before) * 1e6));
  }
  return {
    checksum: mix(checksum, root.id + (nodes === null ? 0 : nodes.length)),
    objects: n,
    bytes: n * 64,
    collections_ns: collections,
  };
}

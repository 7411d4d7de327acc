// bt18: binary-trees of the benchmarks game at depth 18.  gcb18: Boehm's GCBench with D = 18.
import { mix } from './common.mjs';

// ---- binary-trees. {left, right} is 40 bytes: map, properties, elements, two in-object fields.

const MIN_DEPTH = 4;
const MAX_DEPTH = 18;

function bottomUp(depth) {
  if (depth === 0) return { left: null, right: null };
  const left = bottomUp(depth - 1);
  const right = bottomUp(depth - 1);
  return { left, right };
}

function check(tree) {
  return tree.left === null ? 1 : 1 + check(tree.left) + check(tree.right);
}

export function binaryTrees() {
  let checksum = 0;
  let objects = 0;
  const stretch = check(bottomUp(MAX_DEPTH + 1));
  checksum = mix(checksum, stretch);
  objects += stretch;
  const longLived = bottomUp(MAX_DEPTH);
  for (let depth = MIN_DEPTH; depth <= MAX_DEPTH; depth += 2) {
    const trees = 1 << (MAX_DEPTH - depth + MIN_DEPTH);
    let sum = 0;
    for (let i = 0; i < trees; i++) sum += check(bottomUp(depth));
    checksum = mix(checksum, sum);
    objects += sum;
  }
  const lived = check(longLived);
  checksum = mix(checksum, lived);
  objects += lived;
  return { checksum, objects, bytes: objects * 40, object_bytes: 40 };
}

// ---- GCBench. {left, right, i, j} is 56 bytes: map, properties, elements, four in-object fields.

const D = 18;
const STRETCH = D + 2;
const ARRAY = 500_000 << (D - 16);

const treeSize = (depth) => 2 ** (depth + 1) - 1;

function populate(depth, node) {
  if (depth === 0) return;
  node.left = { left: null, right: null, i: 0, j: 0 };
  node.right = { left: null, right: null, i: 0, j: 0 };
  populate(depth - 1, node.left);
  populate(depth - 1, node.right);
}

function makeTree(depth) {
  if (depth === 0) return { left: null, right: null, i: 0, j: 0 };
  const left = makeTree(depth - 1);
  const right = makeTree(depth - 1);
  return { left, right, i: 0, j: 0 };
}

function count(tree) {
  return tree === null ? 0 : 1 + count(tree.left) + count(tree.right);
}

export function gcBench() {
  let checksum = 0;
  let objects = 0;
  const sink = [null, null, null, null, null, null, null, null];
  sink[0] = makeTree(STRETCH);
  objects += treeSize(STRETCH);
  checksum = mix(checksum, sink[0].left.right.i);
  sink[0] = null;

  const longLived = { left: null, right: null, i: 0, j: 0 };
  populate(D, longLived);
  objects += treeSize(D);
  const array = new Float64Array(ARRAY);
  for (let i = 1; i < ARRAY / 2; i++) array[i] = 1 / i;

  for (let depth = 4; depth <= D; depth += 2) {
    const trees = Math.floor((2 * treeSize(STRETCH)) / treeSize(depth));
    for (let i = 0; i < trees; i++) {
      const root = { left: null, right: null, i: 0, j: 0 };
      populate(depth, root);
      sink[i & 7] = root;
    }
    for (let i = 0; i < trees; i++) sink[i & 7] = makeTree(depth);
    objects += 2 * trees * treeSize(depth);
    checksum = mix(checksum, count(sink[(trees - 1) & 7]));
  }
  for (let i = 0; i < 8; i++) sink[i] = null;
  checksum = mix(checksum, count(longLived));
  checksum = mix(checksum, Math.floor(array[1000] * 1e9));
  return { checksum, objects, bytes: objects * 56 + ARRAY * 8, object_bytes: 56 };
}

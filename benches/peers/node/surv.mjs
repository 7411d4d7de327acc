// surv20, surv50, surv80: trees of depth 5; with that chance one is kept in a ring sized that share of 16 MiB
// (counted at 32 bytes a node, so that the work is the same everywhere), else it goes into the sink.
// {l, r, v} is 48 bytes: map, properties, elements, three in-object fields.
import { Random, filled, mix } from './common.mjs';

const TREES = 500_000;
const DEPTH = 5;
const NODES = 63;

function make(depth, v) {
  if (depth === 0) return { l: null, r: null, v };
  const l = make(depth - 1, v);
  const r = make(depth - 1, v);
  return { l, r, v };
}

function sum(tree, checksum) {
  if (tree === null) return checksum;
  return mix(sum(tree.r, sum(tree.l, checksum)), tree.v);
}

export function surv(percent) {
  const share = percent / 100;
  const ringSize = Math.floor((16 * 1024 * 1024 * share) / (NODES * 32));
  const ring = filled(ringSize, null);
  const sink = filled(8, null);
  const random = new Random();
  let checksum = 0;
  let kept = 0;
  for (let t = 0; t < TREES; t++) {
    const tree = make(DEPTH, t);
    if (random.unit() < share) {
      ring[kept % ringSize] = tree;
      kept++;
    } else {
      sink[t & 7] = tree;
    }
  }
  for (const tree of ring) checksum = sum(tree, checksum);
  for (const tree of sink) checksum = sum(tree, checksum);
  const objects = TREES * NODES;
  return { checksum, objects, bytes: objects * 48, object_bytes: 48, kept };
}

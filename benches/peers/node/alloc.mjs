// alloc: 10^8 objects of 32 bytes into a long-lived array of eight.
// {a} is 32 bytes: map, properties, elements, one in-object field.
import { mix } from './common.mjs';

const COUNT = 100_000_000;

export function alloc() {
  const sink = [{ a: 0 }, { a: 0 }, { a: 0 }, { a: 0 }, { a: 0 }, { a: 0 }, { a: 0 }, { a: 0 }];
  let checksum = 0;
  for (let i = 0; i < COUNT; i++) sink[i & 7] = { a: i };
  for (let k = 0; k < 8; k++) checksum = mix(checksum, sink[k].a);
  return { checksum, objects: COUNT, bytes: COUNT * 32 };
}

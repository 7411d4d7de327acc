// closure: two million listeners, each a closure over {id, buffer[8]}; every thousand, the last thousand and a
// hundred random ones are called.
import { Random, mix } from './common.mjs';

const LISTENERS = 2_000_000;

function listener(id, buffer) {
  return (x) => id + buffer[x & 7];
}

export function closure() {
  let checksum = 0;
  const random = new Random();
  const listeners = [];
  for (let i = 0; i < LISTENERS; i++) {
    listeners.push(listener(i, [i, i + 1, i + 2, i + 3, i + 4, i + 5, i + 6, i + 7]));
    if (i % 1000 === 999) {
      for (let k = i - 999; k <= i; k++) checksum = mix(checksum, listeners[k](k));
      for (let k = 0; k < 100; k++) {
        checksum = mix(checksum, listeners[random.index(listeners.length)](k));
      }
    }
  }
  // A function of 56, its context of 48, an array of eight 32 + 80. (V8 counts three objects and one backing store.)
  const objects = LISTENERS * 2;
  return { checksum, objects, bytes: LISTENERS * (56 + 48 + 112) };
}

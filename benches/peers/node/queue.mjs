// queue: a million ticks, each pushes four messages and pops three; a million messages remain.
import { filled, mix } from './common.mjs';

const TICKS = 1_000_000;

export function queue() {
  const sink = filled(8, null);
  let checksum = 0;
  const queue = { head: null, tail: null, length: 0 };
  let id = 0;
  for (let tick = 0; tick < TICKS; tick++) {
    for (let k = 0; k < 4; k++) {
      sink[k] = { a: id, b: tick };
      const message = { id, body: [id, id + 1, id + 2, id + 3], next: null };
      if (queue.tail === null) queue.head = message;
      else queue.tail.next = message;
      queue.tail = message;
      queue.length++;
      id++;
    }
    for (let k = 0; k < 3; k++) {
      const message = queue.head;
      queue.head = message.next;
      queue.length--;
      sink[4 + k] = [message.id, message.body[1], tick, queue.length];
      checksum = mix(checksum, message.id + message.body[3]);
    }
  }
  checksum = mix(checksum, queue.length);
  for (let message = queue.head; message !== null; message = message.next) {
    checksum = mix(checksum, message.body[2]);
  }
  // Message 48, array of four 32 + 48, pair 40.
  const messages = 4 * TICKS;
  const popped = 3 * TICKS;
  return {
    checksum,
    objects: messages * 3 + popped,
    bytes: messages * (48 + 80 + 40) + popped * 80,
  };
}

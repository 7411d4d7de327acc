/** queue: a million ticks, each pushes four messages and pops three; a million messages remain. */
final class Queue {
    private static final int TICKS = 1_000_000;

    static final class Message {
        final int id;
        final int[] body;
        Message next;

        Message(int id, int[] body) {
            this.id = id;
            this.body = body;
        }
    }

    record Pair(int a, int b) {}

    Message head;
    Message tail;
    int length;

    static final Object[] SINK = new Object[8];

    static Result run() {
        int checksum = 0;
        Queue queue = new Queue();
        int id = 0;
        for (int tick = 0; tick < TICKS; tick++) {
            for (int k = 0; k < 4; k++) {
                SINK[k] = new Pair(id, tick);
                Message message = new Message(id, new int[] {id, id + 1, id + 2, id + 3});
                if (queue.tail == null) {
                    queue.head = message;
                } else {
                    queue.tail.next = message;
                }
                queue.tail = message;
                queue.length++;
                id++;
            }
            for (int k = 0; k < 3; k++) {
                Message message = queue.head;
                queue.head = message.next;
                queue.length--;
                SINK[4 + k] = new int[] {message.id, message.body[1], tick, queue.length};
                checksum = Common.mix(checksum, message.id + message.body[3]);
            }
        }
        checksum = Common.mix(checksum, queue.length);
        for (Message message = queue.head; message != null; message = message.next) {
            checksum = Common.mix(checksum, message.body[2]);
        }
        return new Result(checksum, 15L * TICKS);
    }
}

import java.util.HashMap;

/**
 * cacheu: two million puts of "key-i", two reads after each; nothing is ever dropped. cachel: the same stream into an
 * LRU of 100,000: a map and a doubly linked list, a hit moves to the front.
 */
final class Cache {
    static final int PUTS = 2_000_000;
    private static final int CAPACITY = 100_000;

    private Cache() {}

    private static int[] payload(int i) {
        return new int[] {i, i + 1, i + 2, i + 3, i + 4, i + 5, i + 6, i + 7};
    }

    /** The key that the i-th operation reads: recent ones far more often than old ones. */
    private static int earlier(int i, Rng random) {
        double u = random.unit();
        double squared = u * u;
        return i - (int) Math.floor(i * (squared * squared));
    }

    record Entry(String key, int[] payload) {}

    static Result unbounded(int puts) {
        int checksum = 0;
        Rng random = new Rng();
        var cache = new HashMap<String, Entry>();
        for (int i = 0; i < puts; i++) {
            String key = "key-" + i;
            cache.put(key, new Entry(key, payload(i)));
            for (int read = 0; read < 2; read++) {
                int j = earlier(i, random);
                Entry entry = cache.get("key-" + j);
                checksum = Common.mix(checksum, entry == null ? 1 : entry.payload[j & 7] + entry.key.length());
            }
        }
        checksum = Common.mix(checksum, cache.size());
        return new Result(checksum, 5L * puts);
    }

    static final class Node {
        final String key;
        final int[] payload;
        Node previous;
        Node next;

        Node(String key, int[] payload) {
            this.key = key;
            this.payload = payload;
        }
    }

    static final class Lru {
        final HashMap<String, Node> map = new HashMap<>();
        Node first;
        Node last;

        void unlink(Node node) {
            if (node.previous == null) {
                first = node.next;
            } else {
                node.previous.next = node.next;
            }
            if (node.next == null) {
                last = node.previous;
            } else {
                node.next.previous = node.previous;
            }
        }

        void pushFront(Node node) {
            node.previous = null;
            node.next = first;
            if (first == null) {
                last = node;
            } else {
                first.previous = node;
            }
            first = node;
        }

        void put(String key, int[] payload) {
            if (map.size() == CAPACITY) {
                Node victim = last;
                unlink(victim);
                map.remove(victim.key);
            }
            Node node = new Node(key, payload);
            map.put(key, node);
            pushFront(node);
        }

        Node get(String key) {
            Node node = map.get(key);
            if (node != null && first != node) {
                unlink(node);
                pushFront(node);
            }
            return node;
        }
    }

    static Result lru(int puts) {
        int checksum = 0;
        Rng random = new Rng();
        Lru cache = new Lru();
        for (int i = 0; i < puts; i++) {
            cache.put("key-" + i, payload(i));
            for (int read = 0; read < 2; read++) {
                int j = earlier(i, random);
                Node node = cache.get("key-" + j);
                checksum = Common.mix(checksum, node == null ? 1 : node.payload[j & 7] + node.key.length());
            }
        }
        checksum = Common.mix(checksum, cache.map.size());
        return new Result(checksum, 5L * puts);
    }
}

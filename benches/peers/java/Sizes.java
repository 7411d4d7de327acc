import java.util.LinkedHashMap;
import java.util.function.IntFunction;

/** Bytes per object as HotSpot counts them: a thousand of each, what the thread allocated. */
final class Sizes {
    private static final int COUNT = 1000;

    private Sizes() {}

    private static long measure(IntFunction<Object> make) {
        Object[] kept = new Object[COUNT];
        make.apply(0);
        long before = Common.allocated();
        long overhead = Common.allocated() - before;
        before = Common.allocated();
        for (int i = 0; i < COUNT; i++) {
            kept[i] = make.apply(i);
        }
        return (Common.allocated() - before - overhead) / COUNT;
    }

    static Result run() {
        var sizes = new LinkedHashMap<String, Long>();
        sizes.put("alloc", measure(Alloc.Item::new));
        sizes.put("tree {l, r, v}", measure(i -> new Surv.Node(null, null, i)));
        sizes.put("tree {left, right}", measure(i -> new Trees.Pair(null, null)));
        sizes.put("tree {left, right, i, j}", measure(i -> new Trees.Node()));
        sizes.put("message {id, body, next}", measure(i -> new Queue.Message(i, null)));
        sizes.put("pair {a, b}", measure(i -> new Queue.Pair(i, i)));
        sizes.put("four integers", measure(i -> new int[4]));
        sizes.put("eight integers", measure(i -> new int[8]));
        sizes.put("closure over {id, buffer}", measure(i -> {
            int[] buffer = null;
            return (java.util.function.IntUnaryOperator) x -> i + buffer[x];
        }));
        sizes.put("key text", measure(i -> new String(new byte[] {'k', 'e', 'y', '-', '1', '2', '3', '4', '5', '6'},
            java.nio.charset.StandardCharsets.ISO_8859_1)) - 32);
        sizes.put("entry {key, payload}", measure(i -> new Cache.Entry(null, null)));
        sizes.put("LRU node", measure(i -> new Cache.Node(null, null)));
        sizes.put("node {id, a, b, c, d}", measure(Graph::newNode));
        StringBuilder json = new StringBuilder(",\"sizes\":{");
        sizes.forEach((name, bytes) -> json.append('"').append(name).append("\":").append(bytes).append(','));
        json.setCharAt(json.length() - 1, '}');
        return new Result(0, 0, json.toString());
    }
}

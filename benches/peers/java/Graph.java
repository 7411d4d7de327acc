/**
 * mutate: five million stores into 512 MB of randomly linked nodes, with the latency of each thousand. mark: full
 * collections of nodes with four references. A node is 64 bytes: Wide with 8-byte references (12 of header, 4 of id,
 * 4 x 8, 2 longs), the same with two longs more where references take 4.
 */
final class Graph {
    private Graph() {}

    abstract static class Node {
        int id;
        Node a;
        Node b;
        Node c;
        Node d;

        final void set(int k, Node value) {
            switch (k) {
                case 0 -> a = value;
                case 1 -> b = value;
                case 2 -> c = value;
                default -> d = value;
            }
        }
    }

    /** 64 bytes with 8-byte references. */
    static final class Wide extends Node {
        long p;
        long q;
    }

    /** 64 bytes with 4-byte references. */
    static final class Narrow extends Node {
        long p;
        long q;
        long r;
        long s;
    }

    private static final boolean NARROW = Integer.getInteger("peers.reference", 8) == 4;

    static Node newNode(int id) {
        Node node = NARROW ? new Narrow() : new Wide();
        node.id = id;
        return node;
    }

    private static Node[] allNodes(int n) {
        Node[] nodes = new Node[n];
        for (int i = 0; i < n; i++) {
            nodes[i] = newNode(i);
        }
        return nodes;
    }

    private static void linkRandomly(Node[] nodes, Rng random) {
        int n = nodes.length;
        for (Node node : nodes) {
            node.a = nodes[random.index(n)];
            node.b = nodes[random.index(n)];
            node.c = nodes[random.index(n)];
            node.d = nodes[random.index(n)];
        }
    }

    private static void linkNeighbours(Node[] nodes) {
        int n = nodes.length;
        for (int i = 0; i < n; i++) {
            Node node = nodes[i];
            node.a = nodes[(i + 1) & (n - 1)];
            node.b = nodes[(i + 2) & (n - 1)];
            node.c = nodes[(i + 3) & (n - 1)];
            node.d = nodes[(i + 4) & (n - 1)];
        }
    }

    private static int linkSum(Node[] nodes, int checksum) {
        for (Node node : nodes) {
            checksum = Common.mix(checksum, node.a.id ^ node.b.id ^ node.c.id ^ node.d.id);
        }
        return checksum;
    }

    private static final int GRAPH = 1 << 23;
    private static final int OPERATIONS = 5_000_000;
    private static final int HOT = 65_536;

    private static void operations(Node[] nodes, Node[] hot, Node[] sink, Rng random, int from, int to) {
        for (int op = from; op < to; op++) {
            int k = (op >> 1) & 3;
            sink[op & 7] = newNode(op);
            if ((op & 1) == 0) {
                int source = random.index(GRAPH);
                int target = random.index(GRAPH);
                nodes[source].set(k, nodes[target]);
            } else {
                Node node = newNode(op);
                hot[random.index(HOT)].set(k, node);
            }
        }
    }

    static Result mutate() {
        Rng random = new Rng();
        Node[] nodes = allNodes(GRAPH);
        linkRandomly(nodes, random);
        Node[] hot = new Node[HOT];
        for (int i = 0; i < HOT; i++) {
            hot[i] = nodes[random.index(GRAPH)];
        }
        Node[] sink = new Node[8];
        System.gc();
        int total = OPERATIONS;
        long[] latencies = new long[total / 1000];
        long start = System.nanoTime();
        long before = start;
        for (int chunk = 0; chunk < latencies.length; chunk++) {
            operations(nodes, hot, sink, random, chunk * 1000, (chunk + 1) * 1000);
            long now = System.nanoTime();
            latencies[chunk] = now - before;
            before = now;
        }
        long mutateNs = System.nanoTime() - start;
        int checksum = Common.mix(linkSum(nodes, 0), sink[3].id);
        return new Result(checksum, GRAPH + total + total / 2,
            ",\"mutate_ns\":" + mutateNs + ",\"latency\":" + Common.percentiles(latencies));
    }

    private static Node held;

    /** `shape`: seq, rand (all nodes in a root array) or root (random, from one root). */
    static Result mark(String shape, int n) {
        Rng random = new Rng();
        Node[] nodes = allNodes(n);
        if (shape.equals("seq")) {
            linkNeighbours(nodes);
        } else {
            linkRandomly(nodes, random);
        }
        int checksum = linkSum(nodes, 0);
        held = nodes[0];
        if (shape.equals("root")) {
            nodes = null;
        }
        // The first collection promotes and drops what cannot be reached; it is not counted.
        System.gc();
        StringBuilder collections = new StringBuilder();
        for (int i = 0; i < 3; i++) {
            long before = System.nanoTime();
            System.gc();
            collections.append(i == 0 ? "" : ",").append(System.nanoTime() - before);
        }
        checksum = Common.mix(checksum, held.id + (nodes == null ? 0 : nodes.length));
        return new Result(checksum, n, ",\"collections_ns\":[" + collections + "]");
    }
}

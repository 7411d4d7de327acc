/**
 * surv20, surv50, surv80: trees of depth 5; with that chance one is kept in a ring sized that share of 16 MiB (counted
 * at 32 bytes a node, so that the work is the same everywhere), else it goes into the sink. A node is 32 bytes with
 * 8-byte references, 24 with 4-byte ones.
 */
final class Surv {
    private static final int TREES = 500_000;
    private static final int DEPTH = 5;
    private static final int NODES = 63;

    static final class Node {
        final Node l;
        final Node r;
        final int v;

        Node(Node l, Node r, int v) {
            this.l = l;
            this.r = r;
            this.v = v;
        }
    }

    static final Node[] SINK = new Node[8];

    private static Node make(int depth, int v) {
        if (depth == 0) {
            return new Node(null, null, v);
        }
        return new Node(make(depth - 1, v), make(depth - 1, v), v);
    }

    private static int sum(Node tree, int checksum) {
        if (tree == null) {
            return checksum;
        }
        return Common.mix(sum(tree.r, sum(tree.l, checksum)), tree.v);
    }

    static Result run(int percent) {
        double share = percent / 100.0;
        int ringSize = (int) Math.floor(16 * 1024 * 1024 * share / (NODES * 32));
        Node[] ring = new Node[ringSize];
        Rng random = new Rng();
        int checksum = 0;
        int kept = 0;
        for (int t = 0; t < TREES; t++) {
            Node tree = make(DEPTH, t);
            if (random.unit() < share) {
                ring[kept % ringSize] = tree;
                kept++;
            } else {
                SINK[t & 7] = tree;
            }
        }
        for (Node tree : ring) {
            checksum = sum(tree, checksum);
        }
        for (Node tree : SINK) {
            checksum = sum(tree, checksum);
        }
        return new Result(checksum, (long) TREES * NODES, ",\"kept\":" + kept);
    }
}

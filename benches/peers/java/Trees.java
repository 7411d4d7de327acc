/** bt18: binary-trees of the benchmarks game at depth 18. gcb18: Boehm's GCBench with D = 18. */
final class Trees {
    private Trees() {}

    /** 32 bytes with 8-byte references, 24 with 4-byte ones. */
    static final class Pair {
        final Pair left;
        final Pair right;

        Pair(Pair left, Pair right) {
            this.left = left;
            this.right = right;
        }

        static Pair bottomUp(int depth) {
            return depth == 0 ? new Pair(null, null) : new Pair(bottomUp(depth - 1), bottomUp(depth - 1));
        }

        int check() {
            return left == null ? 1 : 1 + left.check() + right.check();
        }
    }

    private static final int MIN_DEPTH = 4;
    private static final int MAX_DEPTH = 18;

    static Result binaryTrees() {
        int checksum = 0;
        long objects = 0;
        int stretch = Pair.bottomUp(MAX_DEPTH + 1).check();
        checksum = Common.mix(checksum, stretch);
        objects += stretch;
        Pair longLived = Pair.bottomUp(MAX_DEPTH);
        for (int depth = MIN_DEPTH; depth <= MAX_DEPTH; depth += 2) {
            int trees = 1 << (MAX_DEPTH - depth + MIN_DEPTH);
            int sum = 0;
            for (int i = 0; i < trees; i++) {
                sum += Pair.bottomUp(depth).check();
            }
            checksum = Common.mix(checksum, sum);
            objects += sum;
        }
        int lived = longLived.check();
        checksum = Common.mix(checksum, lived);
        objects += lived;
        return new Result(checksum, objects);
    }

    /** 40 bytes with 8-byte references, 32 with 4-byte ones. */
    static final class Node {
        Node left;
        Node right;
        int i;
        int j;

        Node(Node left, Node right) {
            this.left = left;
            this.right = right;
        }

        Node() {}
    }

    private static final int D = 18;
    private static final int STRETCH = D + 2;
    private static final int ARRAY = 500_000 << (D - 16);
    private static final Node[] SINK = new Node[8];

    private static int treeSize(int depth) {
        return (1 << (depth + 1)) - 1;
    }

    private static void populate(int depth, Node node) {
        if (depth == 0) {
            return;
        }
        node.left = new Node();
        node.right = new Node();
        populate(depth - 1, node.left);
        populate(depth - 1, node.right);
    }

    private static Node makeTree(int depth) {
        return depth == 0 ? new Node() : new Node(makeTree(depth - 1), makeTree(depth - 1));
    }

    private static int count(Node tree) {
        return tree == null ? 0 : 1 + count(tree.left) + count(tree.right);
    }

    static Result gcBench() {
        int checksum = 0;
        long objects = 0;
        SINK[0] = makeTree(STRETCH);
        objects += treeSize(STRETCH);
        checksum = Common.mix(checksum, SINK[0].left.right.i);
        SINK[0] = null;

        Node longLived = new Node();
        populate(D, longLived);
        objects += treeSize(D);
        double[] array = new double[ARRAY];
        for (int i = 1; i < ARRAY / 2; i++) {
            array[i] = 1.0 / i;
        }

        for (int depth = 4; depth <= D; depth += 2) {
            int trees = 2 * treeSize(STRETCH) / treeSize(depth);
            for (int i = 0; i < trees; i++) {
                Node root = new Node();
                populate(depth, root);
                SINK[i & 7] = root;
            }
            for (int i = 0; i < trees; i++) {
                SINK[i & 7] = makeTree(depth);
            }
            objects += 2L * trees * treeSize(depth);
            checksum = Common.mix(checksum, count(SINK[(trees - 1) & 7]));
        }
        java.util.Arrays.fill(SINK, null);
        checksum = Common.mix(checksum, count(longLived));
        checksum = Common.mix(checksum, (int) Math.floor(array[1000] * 1e9));
        return new Result(checksum, objects);
    }
}

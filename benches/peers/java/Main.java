/** java Main BENCH [ITERATIONS]: runs one bench and prints its report as the last line. */
public final class Main {
    private Main() {}

    private static Result run(String bench, int n) {
        return switch (bench) {
            case "empty" -> new Result(0, 0);
            case "sizes" -> Sizes.run();
            case "alloc" -> Alloc.run(n);
            case "surv20" -> Surv.run(n, 20);
            case "surv50" -> Surv.run(n, 50);
            case "surv80" -> Surv.run(n, 80);
            case "bt18" -> Trees.binaryTrees(n);
            case "gcb18" -> Trees.gcBench(n);
            case "queue" -> Queue.run(n);
            case "closure" -> Closure.run(n);
            case "cacheu" -> Cache.unbounded(n, Cache.PUTS);
            case "cachel" -> Cache.lru(n, Cache.PUTS);
            case "cachel1m" -> Cache.lru(n, Cache.PUTS / 2);
            case "mutate" -> Graph.mutate(n);
            case "mark-seq" -> Graph.mark(n, "seq", 1 << 22);
            case "mark-rand" -> Graph.mark(n, "rand", 1 << 22);
            case "mark-root" -> Graph.mark(n, "root", 1 << 22);
            case "mark16-seq" -> Graph.mark(n, "seq", 1 << 24);
            case "mark16-rand" -> Graph.mark(n, "rand", 1 << 24);
            case "mark16-root" -> Graph.mark(n, "root", 1 << 24);
            default -> null;
        };
    }

    public static void main(String[] arguments) throws Exception {
        int iterations = arguments.length > 1 ? Integer.parseInt(arguments[1]) : 1;
        long allocated = Common.allocated();
        long start = System.nanoTime();
        Result result = arguments.length > 0 ? run(arguments[0], iterations) : null;
        long wall = System.nanoTime() - start;
        if (result == null) {
            System.err.println("usage: Main BENCH [ITERATIONS]; the benches are listed in Main.java and README.md");
            System.exit(2);
        }
        Common.report(arguments[0], iterations, wall, Common.allocated() - allocated, result);
    }
}

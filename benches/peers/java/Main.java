/** java Main BENCH [ITERATIONS]: runs one bench that often and prints its report as the last line. */
public final class Main {
    private Main() {}

    private static Result run(String bench) {
        return switch (bench) {
            case "empty" -> new Result(0, 0);
            case "sizes" -> Sizes.run();
            case "alloc" -> Alloc.run();
            case "surv20" -> Surv.run(20);
            case "surv50" -> Surv.run(50);
            case "surv80" -> Surv.run(80);
            case "bt18" -> Trees.binaryTrees();
            case "gcb18" -> Trees.gcBench();
            case "queue" -> Queue.run();
            case "closure" -> Closure.run();
            case "cacheu" -> Cache.unbounded(Cache.PUTS);
            case "cachel" -> Cache.lru(Cache.PUTS);
            case "cachel1m" -> Cache.lru(Cache.PUTS / 2);
            case "mutate" -> Graph.mutate();
            case "mark-seq" -> Graph.mark("seq", 1 << 22);
            case "mark-rand" -> Graph.mark("rand", 1 << 22);
            case "mark-root" -> Graph.mark("root", 1 << 22);
            case "mark16-seq" -> Graph.mark("seq", 1 << 24);
            case "mark16-rand" -> Graph.mark("rand", 1 << 24);
            case "mark16-root" -> Graph.mark("root", 1 << 24);
            default -> null;
        };
    }

    public static void main(String[] arguments) throws Exception {
        int iterations = arguments.length > 1 ? Integer.parseInt(arguments[1]) : 1;
        long allocated = Common.allocated();
        long start = System.nanoTime();
        Result last = null;
        long objects = 0;
        for (int i = 0; i < iterations && arguments.length > 0; i++) {
            Result result = run(arguments[0]);
            if (last != null && result.checksum() != last.checksum()) {
                System.err.println(arguments[0] + ": the iterations disagree about the checksum");
                System.exit(1);
            }
            if (result == null) {
                break;
            }
            last = result;
            objects += result.objects();
        }
        long wall = System.nanoTime() - start;
        if (last == null) {
            System.err.println("usage: Main BENCH [ITERATIONS]; the benches are listed in Main.java and README.md");
            System.exit(2);
        }
        Common.report(arguments[0], iterations, wall, Common.allocated() - allocated,
            new Result(last.checksum(), objects, last.more()));
    }
}

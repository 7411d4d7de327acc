import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;

/** Checksums, percentiles and the report line that `cargo xtask compare heap` reads. */
final class Common {
    private Common() {}

    /** One step of the checksum: sum * 31 + value, modulo 2^32. */
    static int mix(int sum, int value) {
        return sum * 31 + value;
    }

    private static long at(long[] sorted, double q) {
        return sorted[Math.max(0, (int) Math.ceil(q * sorted.length) - 1)];
    }

    /** p50, p99, p99.9 and the maximum of durations in nanoseconds. */
    static String percentiles(long[] ns) {
        long[] sorted = ns.clone();
        Arrays.sort(sorted);
        return String.format(Locale.ROOT, "{\"count\":%d,\"p50\":%d,\"p99\":%d,\"p999\":%d,\"max\":%d}",
            sorted.length, at(sorted, 0.5), at(sorted, 0.99), at(sorted, 0.999), at(sorted, 1));
    }

    /** Bytes this thread has allocated since it started, as HotSpot counts them. */
    static long allocated() {
        var bean = (com.sun.management.ThreadMXBean) java.lang.management.ManagementFactory.getThreadMXBean();
        return bean.getThreadAllocatedBytes(Thread.currentThread().getId());
    }

    static void report(String bench, int iterations, long wallNs, long bytes, Result result) throws IOException {
        long peak = 0;
        for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
            if (line.startsWith("VmHWM:")) {
                peak = Long.parseLong(line.replaceAll("[^0-9]", "")) * 1024;
            }
        }
        var os = (com.sun.management.OperatingSystemMXBean)
            java.lang.management.ManagementFactory.getOperatingSystemMXBean();
        // In one piece: the log of collections is written to the same file.
        byte[] line = String.format(Locale.ROOT,
            "%n{\"bench\":\"%s\",\"iterations\":%d,\"checksum\":%d,\"objects\":%d,\"bytes\":%d%s,"
                + "\"wall_ns\":%d,\"cpu_ns\":%d,\"peak_rss\":%d}%n",
            bench, iterations, result.checksum() & 0xFFFF_FFFFL, result.objects(), bytes, result.more(),
            wallNs, os.getProcessCpuTime(), peak).getBytes();
        System.out.write(line, 0, line.length);
        System.out.flush();
    }
}

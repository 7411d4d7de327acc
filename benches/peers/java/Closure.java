import java.util.ArrayList;
import java.util.function.IntUnaryOperator;

/**
 * closure: two million listeners, each a lambda over {id, buffer[8]}; every thousand, the last thousand and a hundred
 * random ones are called.
 */
final class Closure {
    private static final int LISTENERS = 2_000_000;

    private Closure() {}

    private static IntUnaryOperator listener(int id, int[] buffer) {
        return x -> id + buffer[x & 7];
    }

    static Result run() {
        int checksum = 0;
        Rng random = new Rng();
        var listeners = new ArrayList<IntUnaryOperator>();
        for (int i = 0; i < LISTENERS; i++) {
            listeners.add(listener(i, new int[] {i, i + 1, i + 2, i + 3, i + 4, i + 5, i + 6, i + 7}));
            if (i % 1000 == 999) {
                for (int k = i - 999; k <= i; k++) {
                    checksum = Common.mix(checksum, listeners.get(k).applyAsInt(k));
                }
                for (int k = 0; k < 100; k++) {
                    checksum = Common.mix(checksum, listeners.get(random.index(listeners.size())).applyAsInt(k));
                }
            }
        }
        return new Result(checksum, 2L * LISTENERS);
    }
}

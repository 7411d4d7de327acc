/** xorshift32 (13, 17, 5) from one fixed seed: the same numbers in every language. */
final class Rng {
    private int state = 0x9E3779B9;

    /** The next number, 0 to 2^32 - 1. */
    long next() {
        int x = state;
        x ^= x << 13;
        x ^= x >>> 17;
        x ^= x << 5;
        state = x;
        return x & 0xFFFF_FFFFL;
    }

    /** A number in [0, 1). */
    double unit() {
        return next() / 4294967296.0;
    }

    /** An index below n: (r * n) >> 32. */
    int index(int n) {
        return (int) ((next() * n) >>> 32);
    }
}

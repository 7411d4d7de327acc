/** alloc: 10^8 objects of 32 bytes (12 of header, 4 of padding, two longs) into a long-lived array of eight. */
final class Alloc {
    private static final int COUNT = 100_000_000;

    static final class Item {
        long a;
        long b;

        Item(long a) {
            this.a = a;
        }
    }

    static Item[] sink = new Item[8];

    private static void fill(Item[] sink) {
        for (int i = 0; i < COUNT; i++) {
            sink[i & 7] = new Item(i);
        }
    }

    static Result run() {
        int checksum = 0;
        fill(sink);
        for (Item item : sink) {
            checksum = Common.mix(checksum, (int) item.a);
        }
        return new Result(checksum, (long) COUNT);
    }
}

/** What a bench hands back; `more` is JSON text, each member preceded by a comma. */
record Result(int checksum, long objects, String more) {
    Result(int checksum, long objects) {
        this(checksum, objects, "");
    }
}

//! What the workload `cache` declares of itself.

use super::server::CacheServer;
use crate::parameter::{Parameter, Span, Unit, Value};
use crate::workload::{Chart, Cure, Description, GroundTruth, Series, Step};

const LRU: &str = "lru";
const FIFO: &str = "fifo";
const TTL: &str = "ttl";

const MOST: f64 = (1u64 << 40) as f64;

/// A string-keyed cache without a limit, read with a skew.
pub static DESCRIPTION: Description = Description {
    name: "cache",
    title: "An unbounded cache",
    summary: "A server keeps every answer it has ever given in a string-keyed cache. Popular pages are read again and \
              again, but about half of the requests are for keys that nobody asks for twice, and nothing removes them.",
    parameters: &[
        Parameter {
            name: "pages",
            default: Value::Count(20_000),
            range: (1.0, 10_000_000.0),
            meaning: "pages that are asked for more than once",
            cures: &[],
        },
        Parameter {
            name: "skew",
            default: Value::Number(1.0),
            range: (0.0, 10.0),
            meaning: "how uneven their popularity is: 0 all alike, 1 as in Zipf's law",
            cures: &[],
        },
        Parameter {
            name: "unique",
            default: Value::Ratio(0.5),
            range: (0.0, 1.0),
            meaning: "share of requests whose key nobody asks for again",
            cures: &[],
        },
        Parameter {
            name: "payload",
            default: Value::Bytes(480),
            range: (16.0, (64 << 20) as f64),
            meaning: "mean size of an answer; single ones have half of it to one and a half",
            cures: &[],
        },
        Parameter {
            name: "entries",
            default: Value::Count(10_000),
            range: (1.0, MOST),
            meaning: "most entries of the cache",
            cures: &[LRU, FIFO],
        },
        Parameter {
            name: "bytes",
            default: Value::Bytes(8 << 20),
            range: (1.0, MOST),
            meaning: "most bytes that the cache's keys and answers may have together",
            cures: &[LRU],
        },
        Parameter {
            name: "ttl",
            default: Value::Span(Span::Ticks(20_000)),
            range: (1.0, MOST),
            meaning: "how long an entry lives after it was written: ticks, or a time such as 250ms",
            cures: &[TTL],
        },
    ],
    cures: &[
        Cure {
            name: LRU,
            summary: "The cache has a limit of entries and of bytes, and forgets the least recently used entry first.",
        },
        Cure {
            name: FIFO,
            summary: "The cache has a limit of entries and forgets the one inserted first, as limitablemap does, \
                      however popular it is.",
        },
        Cure {
            name: TTL,
            summary: "Each entry is forgotten a fixed time after it was written; the cache is as large as the traffic \
                      of that time.",
        },
    ],
    charts: &[
        Chart {
            name: "entries",
            title: "Entries in the cache",
            unit: Unit::Count,
            caption: "Without a limit every key that is new adds an entry for good.",
            series: &[Series {
                name: "entries",
                title: "entries",
            }],
        },
        Chart {
            name: "hit-rate",
            title: "Hit rate",
            unit: Unit::Ratio,
            caption: "The share of reads between two samples that found their key: what a limit costs.",
            series: &[Series {
                name: "hit_rate",
                title: "hit rate",
            }],
        },
        Chart {
            name: "cache-bytes",
            title: "Declared against retained bytes",
            unit: Unit::Bytes,
            caption: "Declared: the lengths of keys and answers, which is what programs count. Retained: all that \
                      the heap holds for the cache.",
            series: &[
                Series {
                    name: "retained_bytes",
                    title: "retained",
                },
                Series {
                    name: "declared_bytes",
                    title: "declared",
                },
            ],
        },
    ],
    leaks: &[GroundTruth {
        class: "CacheEntry",
        path: &[
            Step {
                edge: "",
                class: "Cache",
            },
            Step {
                edge: "entries",
                class: "Map",
            },
            Step {
                edge: "table",
                class: "(map table)",
            },
            Step {
                edge: "[]",
                class: "CacheEntry",
            },
        ],
        why: "The cache has no limit and nothing ever removes an entry, so a key that is asked for once stays for good.",
    }],
    ticks: 400_000,
    warm_up: 1000,
    build: |parameters, cure| Box::new(CacheServer::new(parameters, cure)),
};

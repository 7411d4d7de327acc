//! What the workload `buffers` declares of itself.

use super::pool::BufferPool;
use super::server::BufferServer;
use crate::parameter::{Parameter, Span, Unit, Value};
use crate::workload::{Chart, Cure, Description, GroundTruth, Series, Step};

const COPY: &str = "copy";
const TEXT: &str = "text";
const BOUND: &str = "bound";

const MOST: f64 = (1u64 << 40) as f64;
/// Most bytes of a buffer.
const LARGEST: f64 = (64 << 20) as f64;

/// Small slices that keep whole slabs alive.
pub static DESCRIPTION: Description = Description {
    name: "buffers",
    title: "Small slices of big slabs",
    summary: "Each request is read into a small buffer, which Node cuts from a slab of 8 KB. From the first request of a \
              session the server keeps a token of a few bytes, as a slice of that buffer; the slice keeps the slab. What \
              grows is memory outside the heap; large uploads come and go beside it.",
    parameters: &[
        Parameter {
            name: "request",
            default: Value::Bytes(1200),
            range: (64.0, LARGEST),
            meaning: "mean size of a request; single ones have half of it to one and a half",
            cures: &[],
        },
        Parameter {
            name: "new",
            default: Value::Ratio(0.1),
            range: (0.0, 1.0),
            meaning: "share of requests that begin a session",
            cures: &[],
        },
        Parameter {
            name: "life",
            default: Value::Span(Span::Ticks(120_000)),
            range: (1.0, MOST),
            meaning: "how long a session lasts: ticks, or a time such as 20s",
            cures: &[],
        },
        Parameter {
            name: "token",
            default: Value::Bytes(32),
            range: (8.0, 4096.0),
            meaning: "size of the token that a session keeps",
            cures: &[],
        },
        Parameter {
            name: "slab",
            default: Value::Bytes(BufferPool::NODE_SLAB_BYTES as u64),
            range: (64.0, LARGEST),
            meaning: "size of the slabs (Buffer.poolSize); what is half as large gets memory of its own",
            cures: &[],
        },
        Parameter {
            name: "uploads",
            default: Value::Ratio(0.01),
            range: (0.0, 1.0),
            meaning: "share of requests with a large body",
            cures: &[],
        },
        Parameter {
            name: "upload",
            default: Value::Bytes(64 << 10),
            range: (0.0, LARGEST),
            meaning: "size of such a body",
            cures: &[],
        },
        Parameter {
            name: "upload-time",
            default: Value::Span(Span::Ticks(500)),
            range: (1.0, MOST),
            meaning: "how long a body is in use: ticks, or a time such as 50ms",
            cures: &[],
        },
        Parameter {
            name: "sessions",
            default: Value::Count(2000),
            range: (1.0, MOST),
            meaning: "most sessions; the oldest one ends when there are more",
            cures: &[BOUND],
        },
    ],
    cures: &[
        Cure {
            name: COPY,
            summary: "The token is copied into a buffer with memory of its own (Buffer.allocUnsafeSlow), so that nothing \
                      keeps the slab.",
        },
        Cure {
            name: TEXT,
            summary: "The token is kept as a string on the heap (buffer.toString), for which no buffer is needed.",
        },
        Cure {
            name: BOUND,
            summary: "There may be only so many sessions: each still keeps a slab, but together they have a bound.",
        },
    ],
    charts: &[
        Chart {
            name: "slabs",
            title: "Slabs",
            unit: Unit::Count,
            caption: "Slabs that have not been found dead, and those that a session's slice keeps alive.",
            series: &[
                Series {
                    name: "slabs_alive",
                    title: "alive",
                },
                Series {
                    name: "slabs_kept",
                    title: "kept by a slice",
                },
            ],
        },
        Chart {
            name: "outside",
            title: "Memory outside the heap",
            unit: Unit::Bytes,
            caption: "Slabs, from which small buffers are cut, and the memory that other buffers have to themselves.",
            series: &[
                Series {
                    name: "slab_bytes",
                    title: "slabs",
                },
                Series {
                    name: "own_bytes",
                    title: "buffers of their own",
                },
            ],
        },
        Chart {
            name: "tokens",
            title: "What the tokens keep",
            unit: Unit::Bytes,
            caption: "Bytes of the tokens themselves, and all that lives because of them, on the heap and outside.",
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
        class: "ArrayBuffer",
        path: &[
            Step {
                edge: "",
                class: "SessionStore",
            },
            Step {
                edge: "sessions",
                class: "Map",
            },
            Step {
                edge: "table",
                class: "(map table)",
            },
            Step {
                edge: "[]",
                class: "Session",
            },
            Step {
                edge: "token",
                class: "Buffer",
            },
            Step {
                edge: "buffer",
                class: "ArrayBuffer",
            },
        ],
        why: "A session's token is a slice of the buffer of its first request, and one slice keeps the whole slab from \
              which that buffer was cut, long after all else that was in it has gone.",
    }],
    ticks: 200_000,
    warm_up: 1000,
    build: |parameters, cure| Box::new(BufferServer::new(parameters, cure)),
};

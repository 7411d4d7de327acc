//! What the workload `queue` declares of itself.

use super::server::QueueServer;
use crate::parameter::{Parameter, Span, Unit, Value};
use crate::workload::{Chart, Cure, Description, GroundTruth, Series, Step};

const REJECT: &str = "reject";
const TIMEOUT: &str = "timeout";
const BACKPRESSURE: &str = "backpressure";

const MOST: f64 = (1u64 << 40) as f64;

/// A producer that outruns its consumer.
pub static DESCRIPTION: Description = Description {
    name: "queue",
    title: "A queue that only grows",
    summary: "Each request becomes a job for six workers, which together finish six jobs in ten ticks while ten arrive. \
              The others wait in a queue without a bound, each with its request and its callback.",
    parameters: &[
        Parameter {
            name: "jobs",
            default: Value::Number(1.0),
            range: (0.0, 1000.0),
            meaning: "jobs that arrive per tick, on average",
            cures: &[],
        },
        Parameter {
            name: "workers",
            default: Value::Count(6),
            range: (1.0, 10_000.0),
            meaning: "jobs that run at the same time (Bagpipe's limit)",
            cures: &[],
        },
        Parameter {
            name: "service",
            default: Value::Count(10),
            range: (1.0, 1e9),
            meaning: "mean ticks that a job takes; single ones take half of it to one and a half",
            cures: &[],
        },
        Parameter {
            name: "errors",
            default: Value::Ratio(0.02),
            range: (0.0, 1.0),
            meaning: "share of the jobs that end in an error",
            cures: &[],
        },
        Parameter {
            name: "body",
            default: Value::Bytes(640),
            range: (0.0, (64 << 20) as f64),
            meaning: "mean size of a request's body; single ones have half of it to one and a half",
            cures: &[],
        },
        Parameter {
            name: "long",
            default: Value::Count(1000),
            range: (1.0, MOST),
            meaning: "waiting jobs from which the queue is called long; noted then, and each time it has doubled",
            cures: &[],
        },
        Parameter {
            name: "ratio",
            default: Value::Number(100.0),
            range: (0.0, 1e9),
            meaning: "most waiting jobs for each worker; further ones are refused (Bagpipe's ratio)",
            cures: &[REJECT],
        },
        Parameter {
            name: "timeout",
            default: Value::Span(Span::Ticks(2000)),
            range: (1.0, MOST),
            meaning: "age at which a job fails: ticks, or a time such as 250ms",
            cures: &[TIMEOUT],
        },
        Parameter {
            name: "high",
            default: Value::Count(1000),
            range: (1.0, MOST),
            meaning: "waiting jobs at which the producer stops; it goes on at half of them",
            cures: &[BACKPRESSURE],
        },
    ],
    cures: &[
        Cure {
            name: REJECT,
            summary: "The queue has a bound; a job that finds it full is refused at once, and its client can go elsewhere.",
        },
        Cure {
            name: TIMEOUT,
            summary: "A job that has become too old fails, whether it waits or runs; what was begun for it is wasted.",
        },
        Cure {
            name: BACKPRESSURE,
            summary: "The producer stops while too many jobs wait, so that it is no faster than the workers.",
        },
    ],
    charts: &[
        Chart {
            name: "queue",
            title: "Queue length",
            unit: Unit::Count,
            caption: "Jobs that no worker has begun with.",
            series: &[Series {
                name: "queue_length",
                title: "waiting jobs",
            }],
        },
        Chart {
            name: "age",
            title: "Age of the waiting jobs",
            unit: Unit::Ticks,
            caption: "Half of the waiting jobs are older than p50, one in twenty is older than p95.",
            series: &[
                Series {
                    name: "age_max",
                    title: "oldest",
                },
                Series {
                    name: "age_p95",
                    title: "p95",
                },
                Series {
                    name: "age_p50",
                    title: "p50",
                },
            ],
        },
        Chart {
            name: "held",
            title: "Bytes the queue holds",
            unit: Unit::Bytes,
            caption: "The jobs with their requests and callbacks, and the queue's own buffer.",
            series: &[Series {
                name: "held_bytes",
                title: "held",
            }],
        },
        Chart {
            name: "fate",
            title: "What became of the jobs",
            unit: Unit::Count,
            caption: "Done, refused, timed out and unanswered jobs add up to those made.",
            series: &[
                Series {
                    name: "produced",
                    title: "made",
                },
                Series {
                    name: "done",
                    title: "done",
                },
                Series {
                    name: "rejected",
                    title: "refused",
                },
                Series {
                    name: "timed_out",
                    title: "timed out",
                },
                Series {
                    name: "waiting",
                    title: "unanswered",
                },
            ],
        },
    ],
    leaks: &[GroundTruth {
        class: "Job",
        path: &[
            Step {
                edge: "",
                class: "JobQueue",
            },
            Step {
                edge: "waiting",
                class: "Deque",
            },
            Step {
                edge: "buffer",
                class: "Array",
            },
            Step {
                edge: "[]",
                class: "Job",
            },
        ],
        why: "Jobs arrive faster than the workers finish them, and the queue between them has no bound.",
    }],
    ticks: 400_000,
    warm_up: 1000,
    build: |parameters, cure| Box::new(QueueServer::new(parameters, cure)),
};

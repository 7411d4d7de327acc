//! What the workload `closures` declares of itself.

use super::server::ClosureServer;
use crate::parameter::{Parameter, Unit, Value};
use crate::workload::{Chart, Cure, Description, GroundTruth, Series, Step};

const RELEASE: &str = "release";
const NARROW: &str = "narrow";

const MOST: f64 = (1u64 << 40) as f64;

/// Listeners that capture more than they use.
pub static DESCRIPTION: Description = Description {
    name: "closures",
    title: "Closures that capture too much",
    summary: "Each request registers a listener that uses the request's id only, but shares its context with a closure \
              that used the whole request; no listener is ever removed. Now and then a thing takes another's place, \
              and its method keeps the old one through a context that a closure which is never called shares.",
    parameters: &[
        Parameter {
            name: "body",
            default: Value::Bytes(512),
            range: (0.0, (64 << 20) as f64),
            meaning: "mean size of a request's body; single ones have half of it to one and a half",
            cures: &[],
        },
        Parameter {
            name: "replace-every",
            default: Value::Count(100),
            range: (1.0, MOST),
            meaning: "requests from one thing to the next that takes its place",
            cures: &[],
        },
        Parameter {
            name: "thing",
            default: Value::Bytes(8 << 10),
            range: (0.0, (64 << 20) as f64),
            meaning: "size of a thing's text",
            cures: &[],
        },
        Parameter {
            name: "max-listeners",
            default: Value::Count(10),
            range: (1.0, MOST),
            meaning: "listeners above which a possible leak is noted, once (as Node's emitters do)",
            cures: &[],
        },
        Parameter {
            name: "open",
            default: Value::Count(4),
            range: (1.0, 1e9),
            meaning: "mean ticks from a request's beginning to its end, when its listener is removed",
            cures: &[RELEASE],
        },
    ],
    cures: &[
        Cure {
            name: RELEASE,
            summary: "A request removes its listener when it ends, and a variable that has served is set to null.",
        },
        Cure {
            name: NARROW,
            summary: "Each closure is made in a scope that has only what it uses: a listener that is forgotten costs \
                      a few dozen bytes instead of a whole request, and things keep nothing.",
        },
    ],
    charts: &[
        Chart {
            name: "listeners",
            title: "Listeners",
            unit: Unit::Count,
            caption: "Each request adds one; without a cure none ever goes.",
            series: &[Series {
                name: "listeners",
                title: "listeners",
            }],
        },
        Chart {
            name: "captured",
            title: "Bytes that the listeners keep",
            unit: Unit::Bytes,
            caption: "The closures, their contexts, and what those hold.",
            series: &[Series {
                name: "captured_bytes",
                title: "captured",
            }],
        },
        Chart {
            name: "things",
            title: "Things that the present one keeps",
            unit: Unit::Count,
            caption: "The chain of things that replaced one another, the present one included.",
            series: &[Series {
                name: "things",
                title: "things",
            }],
        },
    ],
    leaks: &[
        GroundTruth {
            class: "Request",
            path: &[
                Step {
                    edge: "",
                    class: "system / Context / server",
                },
                Step {
                    edge: "emitter",
                    class: "EventEmitter",
                },
                Step {
                    edge: "listeners",
                    class: "Map",
                },
                Step {
                    edge: "table",
                    class: "(map table)",
                },
                Step {
                    edge: "[]",
                    class: "onShutdown",
                },
                Step {
                    edge: "context",
                    class: "system / Context / handleRequest",
                },
                Step {
                    edge: "request",
                    class: "Request",
                },
            ],
            why: "Listeners are never removed, and each shares the context of its request's scope, which holds the request \
                  because another closure of that scope uses it.",
        },
        GroundTruth {
            class: "Thing",
            path: &[
                Step {
                    edge: "",
                    class: "system / Context / server",
                },
                Step {
                    edge: "theThing",
                    class: "Thing",
                },
                Step {
                    edge: "someMethod",
                    class: "someMethod",
                },
                Step {
                    edge: "context",
                    class: "system / Context / replaceThing",
                },
                Step {
                    edge: "originalThing",
                    class: "Thing",
                },
            ],
            why: "A closure that is never called uses the thing that was replaced, and the new thing's method shares its \
                  context.",
        },
    ],
    ticks: 200_000,
    warm_up: 1000,
    build: |parameters, cure| Box::new(ClosureServer::new(parameters, cure)),
};

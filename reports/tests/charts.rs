//! Charts of simulated runs: well-formed, in the palette's colours only, texts inside the drawing and not over
//! each other, and drawn for empty and odd records too.
//!
//! `HEAPLAB_KEEP_CHARTS=DIR` keeps the drawings there, to be looked at.
#![allow(missing_docs, reason = "a test")]

mod simulation;

use std::collections::BTreeSet;
use std::path::Path;

use heaplab_reports::chart::{Chart, comparison_charts, dark_rules, png, run_charts};
use heaplab_reports::record::{
    Curve, CurveChart, Event, GcEvent, GcKind, GcLogPrefix, HeapSizes, RecordWriter, RunEnd,
    RunRecord, Sample, Unit,
};
use roxmltree::{Document, Node};
use simulation::Simulation;

fn recorded(simulation: &Simulation) -> RunRecord {
    let dir = tempfile::tempdir().unwrap();
    simulation.record(dir.path());
    RunRecord::open(dir.path()).unwrap()
}

/// A record of the simulation's declarations with these events.
fn with_events(events: &[Event]) -> RunRecord {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = RecordWriter::create(
        dir.path(),
        Simulation::default().info(),
        GcLogPrefix::VIRTUAL,
    )
    .unwrap();
    for event in events {
        writer.record(event).unwrap();
    }
    writer.finish(RunEnd::default()).unwrap();
    RunRecord::open(dir.path()).unwrap()
}

fn keep(charts: &[Chart], folder: &str) {
    if let Ok(dir) = std::env::var("HEAPLAB_KEEP_CHARTS") {
        let dir = Path::new(&dir).join(folder);
        std::fs::create_dir_all(&dir).unwrap();
        for chart in charts {
            std::fs::write(dir.join(format!("{}.svg", chart.name)), &chart.svg).unwrap();
            std::fs::write(
                dir.join(format!("{}.png", chart.name)),
                png(&chart.svg, 1.0).unwrap(),
            )
            .unwrap();
        }
    }
}

fn number(node: &Node<'_, '_>, attribute: &str) -> f64 {
    node.attribute(attribute)
        .unwrap_or_else(|| panic!("{attribute} of {node:?}"))
        .parse()
        .unwrap()
}

/// Boxes of the texts of a drawing, generously estimated: left, top, right, bottom in units.
fn text_boxes(svg: &Document<'_>) -> Vec<(f64, f64, f64, f64, String)> {
    let texts = svg.descendants().filter(|node| node.has_tag_name("text"));
    texts
        .map(|text| {
            let content = text.text().unwrap_or_default().trim().to_owned();
            let size = number(&text, "font-size");
            let width = size * 0.56 * content.chars().count() as f64;
            let left = match text.attribute("text-anchor") {
                Some("end") => number(&text, "x") - width,
                Some("middle") => number(&text, "x") - width / 2.0,
                _ => number(&text, "x"),
            };
            let y = number(&text, "y");
            let (top, bottom) = match text.attribute("dy") {
                Some("0.76em") => (y, y + size * 0.8),
                Some("0.5ex") => (y - size * 0.4, y + size * 0.4),
                _ => (y - size, y),
            };
            (left, top, left + width, bottom, content)
        })
        .collect()
}

/// What every drawing must be.
fn check(chart: &Chart) {
    let palette = dark_rules();
    for (form, text) in [("file", &chart.svg), ("inline", &chart.inline)] {
        let svg = Document::parse(text)
            .unwrap_or_else(|error| panic!("{} ({form}): {error}\n{text}", chart.name));
        let root = svg.root_element();
        assert!(
            root.has_tag_name(("http://www.w3.org/2000/svg", "svg")),
            "{}",
            chart.name
        );
        let (width, height) = (
            number(&root, "width") * 10.0,
            number(&root, "height") * 10.0,
        );
        for node in svg.descendants().filter(Node::is_element) {
            for attribute in ["fill", "stroke"] {
                if let Some(colour) = node.attribute(attribute).filter(|colour| *colour != "none") {
                    assert!(
                        palette.contains(&format!("[{attribute}=\"{colour}\"]")),
                        "{}: {colour}",
                        chart.name
                    );
                }
            }
            assert!(
                !node
                    .attributes()
                    .any(|attribute| attribute.value().contains("NaN")
                        || attribute.value().contains("inf"))
            );
        }
        let boxes = text_boxes(&svg);
        assert!(boxes.len() > 3, "{}: no labels", chart.name);
        for (place, a) in boxes.iter().enumerate() {
            let inside = a.0 >= -20.0 && a.1 >= 0.0 && a.2 <= width + 20.0 && a.3 <= height;
            assert!(
                inside,
                "{} ({form}): {a:?} leaves {width} by {height}",
                chart.name
            );
            for b in &boxes[place + 1..] {
                let apart = a.2 <= b.0 || b.2 <= a.0 || a.3 <= b.1 + 12.0 || b.3 <= a.1 + 12.0;
                assert!(apart, "{} ({form}): {a:?} over {b:?}", chart.name);
            }
        }
    }
    assert!(
        chart.svg.contains(">\n") && chart.svg.len() > chart.inline.len(),
        "{}: only the file has a title",
        chart.name
    );
    png(&chart.svg, 0.5).unwrap();
}

/// No two charts may be written to the same file.
fn check_all(charts: &[Chart]) {
    charts.iter().for_each(check);
    let names: BTreeSet<&str> = charts.iter().map(|chart| chart.name.as_str()).collect();
    assert_eq!(names.len(), charts.len(), "{names:?}");
}

#[test]
fn charts_of_a_leak() {
    let run = recorded(&Simulation::default());
    let charts = run_charts(&run);
    keep(&charts, "leak");
    check_all(&charts);
    let names: Vec<&str> = charts.iter().map(|chart| chart.name.as_str()).collect();
    let expected = [
        "memory",
        "workload-entries",
        "workload-bytes",
        "workload-hit-rate",
        "pauses",
        "pause-percentiles",
        "mmu",
        "utilisation",
        "allocation",
    ];
    assert_eq!(names, expected);
    let memory = &charts[0].svg;
    assert!(memory.contains("old-generation limit 64 MB"));
    // Every collection is marked or told of by the mark it shares a pixel with.
    let majors = run
        .collections()
        .filter(|gc| gc.kind == GcKind::Major)
        .count();
    assert_eq!(memory.matches("<title>Mark-sweep #").count(), majors);
    assert!(memory.matches("<title>Scavenge #").count() > 200);
}

#[test]
fn charts_of_a_comparison() {
    let runs: Vec<RunRecord> = [None, Some(("lru", 5_000)), Some(("ttl", 9_000))]
        .map(|cure| {
            recorded(&Simulation {
                cure,
                ..Simulation::default()
            })
        })
        .into();
    let names: Vec<String> = runs
        .iter()
        .map(|run| run.info.variant().to_owned())
        .collect();
    let charts = comparison_charts(&runs, &names);
    keep(&charts, "comparison");
    keep(&run_charts(&runs[1]), "lru");
    check_all(&charts);
    for name in &names {
        assert!(
            charts.iter().all(|chart| chart.svg.contains(name.as_str())),
            "{name} is in every chart"
        );
    }
}

#[test]
fn the_same_record_gives_the_same_drawings() {
    let run = recorded(&Simulation {
        ticks: 3_000,
        ..Simulation::default()
    });
    let drawn = || {
        run_charts(&run)
            .into_iter()
            .map(|chart| (chart.svg, chart.inline))
            .collect::<Vec<_>>()
    };
    assert_eq!(drawn(), drawn());
    let pngs = || {
        run_charts(&run)
            .into_iter()
            .map(|chart| png(&chart.svg, 1.0).unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(pngs(), pngs());
}

#[test]
fn empty_and_short_records_are_drawn() {
    let empty = with_events(&[]);
    check_all(&run_charts(&empty));
    let heap = HeapSizes {
        old_bytes: 5,
        ..HeapSizes::default()
    };
    let sample = |time_us| {
        Event::Sample(Sample {
            tick: 1,
            time_us,
            heap,
            values: [("entries".into(), 1.0)].into(),
            ..Sample::default()
        })
    };
    let gc = |start_us, total_ns| {
        Event::Gc(Box::new(GcEvent {
            start_us,
            total_ns,
            ..GcEvent::default()
        }))
    };
    let records = [
        with_events(&[sample(0)]),
        with_events(&[sample(100)]),
        with_events(&[gc(0, 0)]),
        with_events(&[gc(5, 1), sample(10)]),
    ];
    for record in &records {
        check_all(&run_charts(record));
    }
    keep(&run_charts(&empty), "empty");
    let all: Vec<RunRecord> = [empty].into_iter().chain(records).collect();
    let names: Vec<String> = (0..all.len()).map(|n| format!("run {n}")).collect();
    check_all(&comparison_charts(&all, &names));
    check_all(&comparison_charts(&[], &[]));
}

#[test]
fn extreme_values_are_drawn() {
    let huge = HeapSizes {
        young_bytes: u64::MAX,
        old_bytes: u64::MAX,
        large_bytes: 1,
        external_bytes: u64::MAX,
        committed_bytes: u64::MAX,
    };
    let events: Vec<Event> = [0, 1, u64::MAX / 2, u64::MAX]
        .into_iter()
        .flat_map(|time| {
            let values = [
                ("entries".to_owned(), time as f64 * 1e280),
                ("hit_rate".to_owned(), -3.0),
            ]
            .into();
            let sample = Sample {
                tick: time,
                time_us: time,
                heap: huge,
                values,
                allocated_bytes: Some(time),
                ..Sample::default()
            };
            let gc = GcEvent {
                start_us: time,
                total_ns: time,
                before: huge,
                promoted_bytes: u64::MAX,
                ..GcEvent::default()
            };
            [Event::Sample(sample), Event::Gc(Box::new(gc))]
        })
        .collect();
    let run = with_events(&events);
    run_charts(&run).iter().for_each(|chart| {
        Document::parse(&chart.svg).unwrap();
    });
}

#[test]
fn hostile_names_stay_text() {
    let mut run = recorded(&Simulation {
        ticks: 2_000,
        ..Simulation::default()
    });
    let evil = "\"><script>alert(1)</script>\u{202e}\u{0}& '<svg onload=x>";
    run.info.workload.name = evil.repeat(9);
    run.info.charts.push(CurveChart {
        name: "../../evil".into(),
        title: evil.into(),
        unit: Unit::Other(evil.into()),
        caption: evil.into(),
        curves: vec![Curve {
            name: "entries".into(),
            title: evil.repeat(20),
        }],
    });
    let charts = run_charts(&run);
    for chart in &charts {
        let svg = Document::parse(&chart.svg).unwrap();
        assert!(!svg.descendants().any(|node| node.has_tag_name("script")));
        assert!(
            !svg.descendants()
                .flat_map(|node| node.attributes())
                .any(|attribute| attribute.name().starts_with("on"))
        );
        assert!(
            chart
                .name
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || c == '-'),
            "{}",
            chart.name
        );
    }
    keep(&charts, "hostile");
}

#[test]
fn long_runs_give_small_drawings() {
    let run = recorded(&Simulation {
        ticks: 400_000,
        cure: Some(("lru", 3_000)),
        ..Simulation::default()
    });
    assert!(run.collections().count() > 3_000);
    for chart in run_charts(&run) {
        assert!(
            chart.svg.len() < 800_000,
            "{}: {} bytes",
            chart.name,
            chart.svg.len()
        );
    }
}

//! `heaplab list`.

use crate::lab::Lab;

#[test]
fn every_workload_is_listed_with_its_cures() {
    let list = Lab::new().run(["list"]).code(0);
    for name in [
        "cache",
        "lru",
        "fifo",
        "ttl",
        "queue",
        "reject",
        "timeout",
        "backpressure",
    ] {
        assert!(list.stdout.contains(name), "{name}: {list:#?}");
    }
    for name in ["closures", "release", "narrow"] {
        assert!(list.stdout.contains(name), "{name}: {list:#?}");
    }
    assert!(
        list.stdout.lines().all(|line| line.chars().count() <= 100),
        "{list:#?}"
    );
}

#[test]
fn parameters_are_listed_with_unit_default_and_meaning() {
    let lab = Lab::new();
    for workload in ["cache", "queue", "closures", "buffers"] {
        let text = lab.run(["list", workload]).code(0).stdout;
        let json = lab.run(["list", workload, "--format=json"]).code(0).json();
        let parameters = json["parameters"].as_array().unwrap();
        assert!(!parameters.is_empty());
        for parameter in parameters {
            let name = parameter["name"].as_str().unwrap();
            let setting = format!("\n    {name}=");
            assert!(text.contains(&setting), "{name}: {text}");
            assert!(!parameter["meaning"].as_str().unwrap().is_empty(), "{name}");
        }
        assert!(
            text.lines().all(|line| line.chars().count() <= 100),
            "{text}"
        );
    }
}

#[test]
fn defaults_as_listed_are_taken_back() {
    let lab = Lab::new();
    let text = lab.run(["list", "cache"]).code(0).stdout;
    let own = text.split("more with --cure").next().unwrap();
    let settings = own.lines().filter_map(|line| {
        let setting = line.strip_prefix("    ")?.split_whitespace().next()?;
        setting.contains('=').then_some(setting)
    });
    let mut args = vec!["--ticks=3"];
    for setting in settings {
        args.extend(["-p", setting]);
    }
    assert!(args.len() > 1, "{text}");
    lab.small("run", "cache", &args).code(0);
}

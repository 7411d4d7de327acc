use super::*;

fn error(options: HeapOptions) -> String {
    options.validate().expect_err("must be refused").to_string()
}

#[test]
fn defaults_are_v8_11_3_on_x64() {
    let limits = HeapOptions::for_physical_memory(16 << 30)
        .validate()
        .expect("defaults are valid");
    // Measured in Node 20: 4144 MiB = 4096 + 3 × 16.
    assert_eq!(limits.heap_size_limit(), 4144 * MB);
    assert_eq!(limits.initial_semi_space_size, MB);
    assert_eq!(limits.external_hard_growth, 2 * GB);
    assert_eq!(limits.external_soft_growth, 64 * MB);
}

#[test]
fn old_limit_follows_physical_memory_as_in_v8() {
    let old = |gigabytes: f64| {
        HeapOptions::for_physical_memory((gigabytes * GB as f64) as u64).max_old_space_size
    };
    assert_eq!(old(0.25), 256 * MB);
    assert_eq!(old(1.0), 512 * MB);
    assert_eq!(old(4.0), 2 * GB);
    assert_eq!(old(14.9), 2 * GB);
    assert_eq!(old(15.0), 4 * GB);
    assert_eq!(old(256.0), 4 * GB);
}

#[test]
fn flags_have_nodes_units_and_measured_limits() {
    let limit = |flags: &[(&str, &str)]| {
        let mut options = HeapOptions::for_physical_memory(16 << 30);
        for (flag, value) in flags {
            options.set_flag(flag, value).expect("a known flag");
        }
        options.validate().expect("valid").heap_size_limit() / MB
    };
    // Measured in Node 20.
    assert_eq!(limit(&[("--max-old-space-size", "100")]), 148);
    assert_eq!(
        limit(&[
            ("--max_old_space_size", "100"),
            ("--max-semi-space-size", "4")
        ]),
        112
    );
    // Node 0.10: kilobytes, both halves.
    assert_eq!(
        limit(&[
            ("max-old-space-size", "100"),
            ("max-new-space-size", "8192")
        ]),
        112
    );
}

#[test]
fn gc_interval_turns_stress_on_and_off() {
    let mut options = HeapOptions::default();
    options.set_flag("gc-interval", "64").expect("a known flag");
    assert_eq!(options.stress.map(|s| s.interval.get()), Some(64));
    assert!(options.to_string().contains("collect every 64 allocations"));
    options.set_flag("gc-interval", "-1").expect("a known flag");
    assert_eq!(options.stress, None);
}

#[test]
fn bad_flags_say_what_they_take() {
    let mut options = HeapOptions::default();
    for value in ["", "4.5", "-3", "4MB", "99999999999999"] {
        let error = options
            .set_flag("--max-old-space-size", value)
            .expect_err("must be refused");
        assert_eq!(
            error.to_string(),
            format!("max-old-space-size takes a whole number of MB, not '{value}'")
        );
    }
    assert!(matches!(
        options.set_flag("--max-heap", "1"),
        Err(OptionsError::UnknownFlag { flag }) if flag == "--max-heap"
    ));
    assert_eq!(options, HeapOptions::default());
}

#[test]
fn sizes_are_rounded_as_v8_rounds_them() {
    let limits = HeapOptions::with_limits(10 * MB + 5, 5 * MB)
        .validate()
        .expect("valid");
    assert_eq!(limits.max_semi_space_size, 8 * MB);
    assert_eq!(limits.max_old_generation_size, 10 * MB);
    let limits = HeapOptions::with_limits(PAGE_SIZE, 1)
        .validate()
        .expect("valid");
    assert_eq!(limits.max_semi_space_size, PAGE_SIZE);
    assert_eq!(limits.initial_semi_space_size, PAGE_SIZE);
}

#[test]
fn impossible_options_are_refused_with_what_was_given_and_what_is_allowed() {
    assert_eq!(
        error(HeapOptions::with_limits(64 * MB, 0)),
        format!(
            "max-semi-space-size is 0 bytes, must be at least {} KB",
            PAGE_SIZE / KB
        )
    );
    if PAGE_SIZE == 256 * KB {
        assert_eq!(
            error(HeapOptions::with_limits(256 * KB - 1, MB)),
            "max-old-space-size is 262143 bytes, must be at least 256 KB"
        );
    }
    assert_eq!(
        error(HeapOptions::with_limits(16 * GB, 16 * MB)),
        "max-old-space-size is 16 GB, at most 16328 MB fit into the heap's 16 GB of addresses beside the other limits"
    );
    assert!(
        error(HeapOptions::with_limits(GB, 8 * GB))
            .starts_with("max-semi-space-size is 8 GB, at most 4 GB fit")
    );
    assert!(
        error(HeapOptions::with_limits(GB, usize::MAX)).contains("at most 4 GB fit"),
        "no overflow"
    );
    let mut options = HeapOptions::with_limits(64 * MB, MB);
    options.initial_semi_space_size = Some(2 * MB);
    assert_eq!(
        error(options),
        "min-semi-space-size is 2 MB, more than max-semi-space-size, which is 1 MB: lower the first or raise the second"
    );
    let mut options = HeapOptions::with_limits(64 * MB, MB);
    options.initial_old_space_size = Some(65 * MB);
    assert!(
        error(options).starts_with("initial-old-space-size is 65 MB, more than max-old-space-size")
    );
    let options = HeapOptions {
        max_external_memory: Some(0),
        ..HeapOptions::default()
    };
    assert!(error(options).starts_with("max-external-memory is 0 bytes"));
}

#[test]
fn the_largest_heap_fits_the_cage_exactly() {
    let most = MAX_CAGE_SIZE - CAGE_OVERHEAD - 3 * 16 * MB;
    assert!(HeapOptions::with_limits(most, 16 * MB).validate().is_ok());
    assert!(
        HeapOptions::with_limits(most + PAGE_SIZE, 16 * MB)
            .validate()
            .is_err()
    );
}

#[test]
fn display_names_every_setting_in_force() {
    let mut options = HeapOptions::with_limits(64 * MB, 4 * MB);
    assert_eq!(
        options.to_string(),
        "max old space 64 MB, semi-space up to 4 MB, external growth 64 MB soft, 32 MB hard"
    );
    options.initial_semi_space_size = Some(MB);
    options.initial_old_space_size = Some(8 * MB);
    options.max_external_memory = Some(GB);
    assert_eq!(
        options.to_string(),
        "max old space 64 MB, semi-space from 1 MB up to 4 MB, first major collection at 8 MB, \
         external growth 64 MB soft, 32 MB hard, external at most 1 GB"
    );
}

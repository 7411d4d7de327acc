//! `heaplab snapshot redact FILE --out COPY`.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufWriter, Write as _};
use std::path::Path;

use heapsnapshot::analysis::words;
use heapsnapshot::redact::{RedactError, RedactReport, redact};
use heapsnapshot::writer::{AtomicFile, Readers};
use serde_json::json;

use super::args::RedactArgs;
use super::input;
use crate::args::Format;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{LABEL, Output, escaped};

/// Writes the copy, and prints what is left of the texts.
pub(super) fn run(args: &RedactArgs, output: Output) -> Result<Exit, Failure> {
    let source = input::source(&args.file, output)?;
    let same = |a: &Path, b: &Path| {
        fs::canonicalize(a).is_ok_and(|a| fs::canonicalize(b).is_ok_and(|b| a == b))
    };
    if same(&args.file, &args.out) {
        return Err(
            Failure::usage("--out is the snapshot itself, which the copy would replace")
                .hint("name another file"),
        );
    }
    let failed = |error: RedactError| match error {
        RedactError::Read(error) => error.into(),
        RedactError::Write(error) => Failure::io(&args.out, "write", &error),
    };
    if args.out == Path::new("-") {
        let mut out = BufWriter::with_capacity(1 << 18, output.bytes());
        let report = redact(source, &mut out).map_err(failed)?;
        out.flush()
            .map_err(|error| Failure::io(&args.out, "write", &error))?;
        output.say(said(&report, args.format)?.trim_end());
        return Ok(Exit::Done);
    }
    // The copy is made to be given away.
    let mut file = AtomicFile::create(&args.out, Readers::Everyone)
        .map_err(|error| Failure::io(&args.out, "create", &error))?;
    let report =
        redact(source, &mut BufWriter::with_capacity(1 << 18, &mut file)).map_err(failed)?;
    file.commit()
        .map_err(|error| Failure::io(&args.out, "write", &error))?;
    output.data().text(&said(&report, args.format)?)?;
    Ok(Exit::Done)
}

/// What is left of the texts, in a form.
fn said(report: &RedactReport, format: Format) -> Result<String, Failure> {
    if format == Format::Json {
        let report = json!({ "schema": "heaplab snapshot redact 1", "redact": report });
        return serde_json::to_string_pretty(&report)
            .map(|text| text + "\n")
            .map_err(|error| Failure::input(format!("the report: {error}")));
    }
    let mut page = String::new();
    let mut row = |count: u64, what: &str| {
        let _ = writeln!(page, "{:>12}  {what}", words::count(count));
    };
    row(report.replaced, "texts replaced");
    row(report.empty, "empty");
    for (kind, &count) in &report.left {
        row(count, &format!("left: {kind}"));
    }
    for section in &report.left_out {
        let _ = writeln!(
            page,
            "{LABEL}left out:{LABEL:#} the unknown section \"{}\"",
            escaped(section)
        );
    }
    Ok(page)
}

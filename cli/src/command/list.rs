//! `heaplab list [WORKLOAD]`.

use std::fmt::Write as _;

use heaplab_workloads::registry::{self, WORKLOADS};
use heaplab_workloads::{Cure, Description, Parameter};
use serde_json::{Value, json};

use crate::args::{Format, ListArgs};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{HEADING, LABEL, NAME, Output};
use crate::text::{self, WIDTH};

/// Prints the workloads and their cures, or one workload with each parameter.
pub(crate) fn run(args: &ListArgs, output: Output) -> Result<Exit, Failure> {
    let mut data = output.data();
    match &args.workload {
        None if args.format == Format::Json => {
            data.json(&WORKLOADS.map(workload_json))?;
        }
        None => data.text(&all())?,
        Some(name) => {
            let (workload, _) =
                registry::find(name, None).map_err(|error| Failure::usage(error.to_string()))?;
            match args.format {
                Format::Json => data.json(&workload_json(workload))?,
                Format::Text => data.text(&one(workload))?,
            }
        }
    }
    Ok(Exit::Done)
}

/// All workloads, a line for each and each of its cures.
fn all() -> String {
    let mut page = String::new();
    for workload in WORKLOADS {
        let _ = writeln!(
            page,
            "{HEADING}{}{HEADING:#}  {}",
            workload.name, workload.title
        );
        page.push_str(&text::paragraph(workload.summary, 2));
        cures(&mut page, workload);
        page.push('\n');
    }
    let _ = writeln!(
        page,
        "{LABEL}heaplab list NAME shows the parameters, heaplab run NAME [--cure CURE] runs it{LABEL:#}"
    );
    page
}

/// One workload: what it does, what leaks, its cures and parameters.
fn one(workload: &Description) -> String {
    let mut page = format!(
        "{HEADING}{}{HEADING:#}  {}\n",
        workload.name, workload.title
    );
    page.push_str(&text::paragraph(workload.summary, 2));
    for truth in workload.leaks {
        let _ = writeln!(page, "\n  {LABEL}leaks{LABEL:#}    {}", truth.class);
        let mut label = "kept by";
        for line in text::lines(&text::path_steps(&truth.to_string()), " ", WIDTH - 11) {
            let _ = writeln!(page, "  {LABEL}{label:<9}{LABEL:#}{line}");
            label = "";
        }
        page.push_str(&text::paragraph(truth.why, 11));
    }
    let _ = writeln!(page, "\n  {LABEL}cures{LABEL:#}");
    cures(&mut page, workload);
    parameters(&mut page, workload);
    let _ = writeln!(
        page,
        "\n  {LABEL}a run has{LABEL:#} {} {LABEL}ticks by default{LABEL:#}",
        heaplab_reports::format::count(workload.ticks)
    );
    page
}

/// The parameters as they can be given, first the workload's own, then those of each cure.
fn parameters(page: &mut String, workload: &Description) {
    let setting = |parameter: &Parameter| format!("{}={}", parameter.name, parameter.default);
    let settings = workload.parameters.iter();
    let width = settings.map(|parameter| setting(parameter).len()).max();
    let width = width.unwrap_or(0);
    let cures = workload.cures.iter().map(|cure| Some(cure.name));
    for cure in std::iter::once(None).chain(cures) {
        let mine = |parameter: &&Parameter| match cure {
            None => parameter.cures.is_empty(),
            Some(cure) => parameter.cures.contains(&cure),
        };
        let mut mine = workload.parameters.iter().filter(mine).peekable();
        if mine.peek().is_none() {
            continue;
        }
        let _ = match cure {
            None => writeln!(page, "\n  {LABEL}parameters (-p name=value){LABEL:#}"),
            Some(cure) => writeln!(page, "\n  {LABEL}more with --cure {cure}{LABEL:#}"),
        };
        for parameter in mine {
            let setting = setting(parameter);
            let unit = parameter.default.unit().as_str();
            let _ = write!(
                page,
                "    {NAME}{}{NAME:#}{:gap$}  {LABEL}{unit:<6}{LABEL:#}  ",
                setting,
                "",
                gap = width - setting.len()
            );
            page.push_str(text::paragraph(parameter.meaning, 4 + width + 10).trim_start());
        }
    }
}

fn cures(page: &mut String, workload: &Description) {
    let names = workload.cures.iter().map(|cure| cure.name.len());
    let width = names.max().unwrap_or(0);
    for cure in workload.cures {
        let _ = write!(page, "    {NAME}{:<width$}{NAME:#}  ", cure.name);
        page.push_str(text::paragraph(cure.summary, 4 + width + 2).trim_start());
    }
}

fn workload_json(workload: &Description) -> Value {
    let cure = |cure: &Cure| json!({ "name": cure.name, "summary": cure.summary });
    let parameter = |parameter: &Parameter| {
        json!({
            "name": parameter.name,
            "default": parameter.default.number(),
            "unit": parameter.default.unit().as_str(),
            "least": parameter.range.0,
            "most": parameter.range.1,
            "meaning": parameter.meaning,
            "cures": parameter.cures,
        })
    };
    json!({
        "name": workload.name,
        "title": workload.title,
        "summary": workload.summary,
        "ticks": workload.ticks,
        "cures": workload.cures.iter().map(cure).collect::<Vec<_>>(),
        "parameters": workload.parameters.iter().map(parameter).collect::<Vec<_>>(),
        "leaks": workload
            .leaks
            .iter()
            .map(|truth| json!({ "class": truth.class, "path": truth.to_string(), "why": truth.why }))
            .collect::<Vec<_>>(),
    })
}

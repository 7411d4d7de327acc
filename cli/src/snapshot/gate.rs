//! `heaplab snapshot gate FILE… --budgets FILE`.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use heapsnapshot::gate::{Budgets, Check, Measured, gate, sarif};

use super::args::{GateArgs, GateForm};
use super::input;
use super::need::Need;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{BAD, GOOD, LABEL, Output, escaped};

/// Checks budgets; finds something if one is broken.
pub(super) fn run(args: &GateArgs, output: Output) -> Result<Exit, Failure> {
    let path = &args.budgets;
    let text = fs::read_to_string(path).map_err(|error| Failure::io(path, "read", &error))?;
    let budgets = Budgets::parse(&text)
        .map_err(|error| Failure::input(format!("{}: {error}", path.display())))?;
    let read = args.read();
    let measure = |file: &Path| {
        Ok(Measured::of(&input::open(
            file,
            &read,
            Need::FIGURES,
            output,
        )?))
    };
    let named = budgets.baseline.as_ref().and_then(|b| b.file.as_ref());
    // A file that the budgets name lies beside them.
    let beside = named.map(|file| path.parent().unwrap_or(Path::new("")).join(file));
    let baseline = args.baseline.as_ref().or(beside.as_ref());
    let baseline = baseline.map(|file| measure(file)).transpose()?;
    let series: Vec<Measured> = args
        .files
        .iter()
        .map(|file| measure(file))
        .collect::<Result<_, Failure>>()?;
    let checks = gate(&series, baseline.as_ref(), &budgets);
    let broken = checks.iter().any(|check| check.broken);
    let mut data = output.data();
    match args.format {
        GateForm::Json => {
            data.json(&serde_json::json!({ "schema": "heaplab snapshot gate 1", "gate": checks }))?;
        }
        GateForm::Sarif => data.json(&sarif(&checks, &path.display().to_string()))?,
        GateForm::Text => data.text(&page(&checks))?,
        GateForm::Md => data.text(&markdown(&checks))?,
        GateForm::Github => data.text(&annotations(&checks, &path.display().to_string()))?,
    }
    Ok(if broken { Exit::Found } else { Exit::Done })
}

fn page(checks: &[Check]) -> String {
    let mut page = String::new();
    for check in checks {
        let sentence = escaped(&check.sentence()).into_owned();
        let _ = match (check.broken, check.actual) {
            (true, _) => writeln!(page, "{BAD}over{BAD:#}   {sentence}"),
            (false, Some(_)) => writeln!(page, "{GOOD}ok{GOOD:#}     {sentence}"),
            (false, None) => writeln!(page, "{LABEL}skip{LABEL:#}   {sentence}"),
        };
    }
    page
}

/// A summary with a table, for a job's summary page or a comment.
fn markdown(checks: &[Check]) -> String {
    let broken = checks.iter().filter(|check| check.broken).count();
    let mut page = match broken {
        0 => format!("**Heap budgets: all {} kept**\n\n", checks.len()),
        _ => format!("**Heap budgets: {broken} of {} broken**\n\n", checks.len()),
    };
    page.push_str("| | subject | budget | limit | actual |\n| --- | --- | --- | ---: | ---: |\n");
    for check in checks {
        let actual = check
            .actual
            .map_or("not known".to_owned(), |actual| format!("{actual:.0}"));
        let mark = match (check.broken, check.actual) {
            (true, _) => "**over**",
            (false, Some(_)) => "ok",
            (false, None) => "skipped",
        };
        let subject = super::table::markdown_text(&escaped(&check.subject));
        let _ = writeln!(
            page,
            "| {mark} | {subject} | `{}` | {} | {actual} |",
            check.budget, check.limit
        );
    }
    page
}

/// GitHub's workflow commands: one error per broken budget.
fn annotations(checks: &[Check], file: &str) -> String {
    let data = |text: &str| {
        text.replace('%', "%25")
            .replace('\r', "%0D")
            .replace('\n', "%0A")
    };
    let property = |text: &str| data(text).replace(':', "%3A").replace(',', "%2C");
    let broken = checks.iter().filter(|check| check.broken);
    broken
        .map(|check| {
            format!(
                "::error file={},line={},title=Heap budget::{}\n",
                property(file),
                check.line,
                data(&check.sentence())
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_classes_write_no_commands() {
        let check = Check {
            subject: "A\n::error::fake".to_owned(),
            budget: "max_count",
            limit: 1.0,
            actual: Some(2.0),
            broken: true,
            line: 7,
        };
        let text = annotations(std::slice::from_ref(&check), "a:b.toml");
        assert_eq!(
            text,
            "::error file=a%3Ab.toml,line=7,title=Heap budget::A%0A::error::fake: 2 exceeds max_count = 1\n"
        );
        assert_eq!(markdown(&[check]).lines().count(), 5);
    }
}

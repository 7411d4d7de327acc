//! `--format json` beside the page that documents it: every object that is printed has a table there, every table of
//! the page comes out, and every field that may be `null` comes out as `null` and with a value.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use crate::graph::snapshots;
use crate::snapshot::output;

const PAGE: &str = include_str!("../../../docs/snapshot-json.md");

/// An object of a verb's document, as the page has it.
struct Table<'a> {
    verb: &'a str,
    name: &'a str,
    fields: Vec<Field<'a>>,
    comes_out: bool,
}

/// A field of it.
#[derive(Clone)]
struct Field<'a> {
    name: &'a str,
    kind: &'a str,
    /// Whether it came out with a value, and as `null`.
    value: bool,
    null: bool,
}

/// The tables of the page, section by section: a head with the type's name, a line, and a row per field.
fn tables() -> Vec<Table<'static>> {
    let mut tables: Vec<Table<'static>> = Vec::new();
    let mut verb = "";
    for line in PAGE.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            verb = title;
        }
        let Some(row) = line.strip_prefix("| ") else {
            continue;
        };
        let cells: Vec<&str> = row.splitn(3, " | ").collect();
        let [name, kind, meaning] = cells[..] else {
            // A head has nothing in its other cells.
            let name = row.trim_end_matches(['|', ' ']).trim_matches('`');
            tables.push(Table {
                verb,
                name,
                fields: Vec::new(),
                comes_out: false,
            });
            continue;
        };
        assert!(meaning.len() > 5, "{line}: says nothing");
        let name = name.trim_matches('`');
        let table = tables.last_mut().expect("a head before its rows");
        table.fields.push(Field {
            name,
            kind,
            value: false,
            null: false,
        });
    }
    tables
}

fn fits(value: &Value, kind: &str) -> bool {
    if let Some(kind) = kind.strip_suffix(" or null") {
        return value.is_null() || fits(value, kind);
    }
    if let Some(kind) = kind.strip_prefix("array of ") {
        let kind = kind.trim_end_matches('s');
        return value
            .as_array()
            .is_some_and(|items| items.iter().all(|item| fits(item, kind)));
    }
    match kind {
        "number" => value.is_number(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "object" => value.is_object(),
        "array" => value.is_array(),
        "map of numbers" => value
            .as_object()
            .is_some_and(|map| map.values().all(Value::is_number)),
        _ => panic!("the page has a type `{kind}`"),
    }
}

fn check(value: &Value, verb: &str, tables: &mut [Table<'_>]) {
    match value {
        Value::Object(fields) => {
            let printed: BTreeSet<&str> = fields.keys().map(String::as_str).collect();
            let same = |table: &&mut Table<'_>| {
                let documented = table.fields.iter().map(|field| field.name);
                table.verb == verb && documented.collect::<BTreeSet<_>>() == printed
            };
            let Some(table) = tables.iter_mut().find(same) else {
                panic!("{verb}: no table of the page has exactly the fields {printed:?}");
            };
            table.comes_out = true;
            for field in &mut table.fields {
                field.null |= fields[field.name].is_null();
                field.value |= !fields[field.name].is_null();
            }
            for Field { name, kind, .. } in table.fields.clone() {
                let value = &fields[name];
                assert!(fits(value, kind), "{verb}: {name} is no {kind}: {value}");
                if !kind.starts_with("map") {
                    check(value, verb, tables);
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| check(item, verb, tables)),
        _ => {}
    }
}

#[test]
fn json_is_as_documented_and_all_of_it_comes_out() {
    let lab = snapshots();
    let write = |name: &str, text: &str| fs::write(lab.path().join(name), text).expect("written");
    write(
        "budgets.toml",
        "[total]\nmax_bytes = 1\nmax_growth_bytes = 1\n",
    );
    let allowed = "[[allow]]\nowner = \"sessions\"\nuntil = \"2999-01-01\"\nreason = \"known\"\n";
    write("allowed.toml", allowed);
    let mut tables = tables();
    let commands = [
        "summary a",
        "summary page",
        "summary a --native-contexts",
        "histogram a",
        "statistics a",
        "dominators a --min-percent 0 --depth 9",
        "dominators a --list objects",
        "dominators a --list classes",
        "retainers a @15",
        "retainers a --class Session",
        "node a @7",
        "node page @7",
        "node page @9",
        "node page @11",
        "find a agent",
        "find page EnginesOwn",
        "strings a",
        "collections a",
        "collections page --min-entries 0",
        "closures a",
        "closures page",
        "validate broken",
        "diff a b",
        "diff a other --by class",
        "growth a b c",
        "leaks a b c",
        "leaks a b c --settings allowed.toml",
        "gate a --budgets budgets.toml",
        "export a --out tables",
        "redact a --out copy",
    ];
    for command in commands {
        let words = command.split(' ');
        let args: Vec<&str> = ["snapshot"].into_iter().chain(words).collect();
        let (code, out, err) = output(&lab, &[&args[..], &["--format", "json"]].concat());
        assert!(matches!(code, 0 | 1), "{command}: {err}");
        let document: Value = serde_json::from_str(&out).expect(&err);
        let schema = document["schema"].as_str().expect("a schema");
        let verb = schema.split(' ').nth(2).expect("a verb").to_owned();
        assert_eq!(schema, format!("heaplab snapshot {verb} 1"));
        let fields = document.as_object().expect("an object").keys();
        assert_eq!(
            fields.collect::<BTreeSet<_>>(),
            BTreeSet::from([&"schema".to_owned(), &verb])
        );
        check(&document[&verb], &verb, &mut tables);
    }
    let missing: Vec<_> = tables
        .iter()
        .filter(|table| !table.comes_out)
        .map(|table| (table.verb, table.name))
        .collect();
    assert!(missing.is_empty(), "never printed: {missing:?}");
    let mut one_form = Vec::new();
    for table in &tables {
        let fields = table.fields.iter();
        for field in fields.filter(|field| field.kind.ends_with(" or null")) {
            if !(field.value && field.null) {
                one_form.push((table.verb, field.name, field.null));
            }
        }
    }
    assert!(one_form.is_empty(), "always or never null: {one_form:?}");
}

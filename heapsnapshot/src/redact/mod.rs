//! Redaction: a copy of a snapshot that says nothing about its program but its shape.
//!
//! Every text is replaced by one of the same length that says nothing (`r0`, `r00k`, …), equal texts by
//! equal ones, except the names that V8 and Node give themselves (`known_names.txt`: the names in the snapshots of an empty program by Node
//! 20, 22, 24 and 26 that at least two of them share). Nodes, edges, ids, sizes and locations are
//! copied byte for byte. Sections that this version does not know may hold texts and are left out.
//!
//! Lengths stay because DevTools names plain objects by as many properties as fit 120 characters, and
//! because the sizes tell them anyway; names of one or two letters may grow when there are too many.
//!
//! A text on the list stays even where the program says it: a property called `length` is still
//! called that. What is left is counted in the [`RedactReport`].
//!
//! ```
//! use heapsnapshot::Input;
//! use heapsnapshot::redact::redact;
//!
//! let text = br#"{"snapshot":{"meta":{
//!     "node_fields":["type","name","id","self_size","edge_count"],
//!     "node_types":[["synthetic","object","string"]],
//!     "edge_fields":["type","name_or_index","to_node"],
//!     "edge_types":[["property"]]},"node_count":3,"edge_count":2},
//!     "nodes":[0,0,1,0,1, 1,1,3,24,1, 2,2,5,40,0],
//!     "edges":[0,3,5, 0,4,10],
//!     "strings":["","Cache","a page","cache","page"]}"#;
//! let mut copy = Vec::new();
//! let input = Input::from_reader("text in memory", std::io::Cursor::new(text.to_vec()))?;
//! redact(input, &mut copy)?;
//! let copy = String::from_utf8(copy)?;
//! assert!(!copy.contains("Cache") && copy.contains("\"nodes\""));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::collections::BTreeMap;
use std::io::{Read, Write};

use hashbrown::{HashMap, HashSet};

use crate::reader::{Input, ReadError, Sections, Stop};
use crate::scanner::Path;
use crate::strings::{lossy, unescape, utf16_length};

const KNOWN_NAMES: &str = include_str!("known_names.txt");

/// Names that DevTools' rules look for, and V8's first string: they stay, or the numbers would change.
const RULE_NAMES: [&str; 12] = [
    "<dummy>",
    "(Document DOM trees)",
    "(map descriptors)",
    "Array",
    "Object",
    "elements",
    "first",
    "second",
    "sloppy_function_map",
    "system / ExternalStringData",
    "system / JSArrayBufferData",
    "system / NativeContext",
];

/// Sections that hold numbers only (and, in `snapshot`, the format's own names).
const COPIED: [&str; 10] = [
    "nodes",
    "edges",
    "trace_function_infos",
    "trace_tree",
    "samples",
    "locations",
    "scopes",
    "scope_context_vars",
    "scope_uses",
    "strings",
];

/// What is left of the texts, and what is gone.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct RedactReport {
    /// Strings in the file.
    pub strings: u64,
    /// Empty strings.
    pub empty: u64,
    /// Texts on the list of the engine's own names, left as they are.
    pub known: u64,
    /// Texts that begin or are built as the engine's (`system / Context / …`, WeakMap entries,
    /// `Detached <div …>`), with what the program put into them replaced.
    pub rebuilt: u64,
    /// Texts replaced as a whole.
    pub replaced: u64,
    /// Every kind of text that is left, and how many texts of it there are.
    pub left: BTreeMap<&'static str, u64>,
    /// Sections left out because they are unknown.
    pub left_out: Vec<String>,
}

/// Why a copy could not be made.
#[derive(Debug, thiserror::Error)]
pub enum RedactError {
    /// The snapshot cannot be read whole.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The copy cannot be written.
    #[error("cannot write the redacted copy: {0}")]
    Write(std::io::Error),
}

/// Copies a snapshot without its program's texts. Complexity: one pass over the text.
///
/// # Errors
/// If the snapshot is damaged (half a copy would be no snapshot) or the copy cannot be written.
pub fn redact(input: Input, out: &mut dyn Write) -> Result<RedactReport, RedactError> {
    let Input {
        name,
        bytes,
        compressed,
        ..
    } = input;
    let mut copy = Copy {
        sections: Sections::new(bytes, Path::detect()),
        out,
        failed: None,
        redactor: Redactor::new(),
        report: RedactReport::default(),
    };
    let mut copied = copy.run();
    if compressed && copied.is_ok() {
        copied = copy.sections.rest();
    }
    if let Some(error) = copy.failed {
        return Err(RedactError::Write(error));
    }
    match copied {
        Ok(()) => Ok(copy.report),
        Err(Stop::Io(source)) => Err(ReadError::Io { name, source }.into()),
        Err(stop) => {
            let offset = copy.sections.offset();
            let reason = match stop {
                Stop::Syntax(reason) => reason,
                Stop::End | Stop::Io(_) => "the file ends here".to_owned(),
            };
            Err(ReadError::NotASnapshot {
                name,
                offset,
                reason,
            }
            .into())
        }
    }
}

struct Copy<'a, R> {
    sections: Sections<R>,
    out: &'a mut dyn Write,
    /// Why writing stopped, if it did.
    failed: Option<std::io::Error>,
    redactor: Redactor,
    report: RedactReport,
}

impl<R: Read> Copy<'_, R> {
    fn run(&mut self) -> Result<(), Stop> {
        self.sections.skip_mark()?;
        self.sections.expect(b'{')?;
        let mut written = 0;
        let mut has_strings = false;
        let mut has_header = false;
        loop {
            let key = self.sections.key()?;
            self.sections.expect(b':')?;
            let copied = key == "snapshot" || COPIED.contains(&key.as_str());
            if copied {
                let before = if written == 0 { "{" } else { ",\n" };
                self.write(format!("{before}\"{key}\":").as_bytes())?;
                written += 1;
            }
            match key.as_str() {
                "strings" => {
                    has_strings = true;
                    self.strings()?;
                }
                "snapshot" => {
                    has_header = true;
                    self.header()?;
                }
                _ if copied => self.numbers(&key)?,
                _ => {
                    self.report.left_out.push(key.clone());
                    self.sections.value(|_| Ok(()))?;
                }
            }
            if self.sections.peek()? == b'}' {
                break;
            }
            self.sections.expect(b',')?;
        }
        if !has_strings || !has_header {
            return Err(Stop::Syntax(
                "a section is missing: snapshot or strings".to_owned(),
            ));
        }
        self.write(b"}\n")?;
        let flushed = self.out.flush();
        self.check(flushed)
    }

    fn check(&mut self, result: std::io::Result<()>) -> Result<(), Stop> {
        result.map_err(|error| {
            self.failed = Some(error);
            Stop::Syntax("the copy cannot be written".to_owned())
        })
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        let result = self.out.write_all(bytes);
        self.check(result)
    }

    /// The header, reduced to the format's own keys: what else a producer adds may be text.
    fn header(&mut self) -> Result<(), Stop> {
        let mut json = Vec::new();
        self.sections.value(|text| {
            json.extend_from_slice(text);
            if json.len() > 1 << 24 {
                Err(Stop::Syntax("over 16 MiB of meta".to_owned()))
            } else {
                Ok(())
            }
        })?;
        let header: serde_json::Value =
            serde_json::from_slice(&json).map_err(|error| Stop::Syntax(error.to_string()))?;
        let mut kept = serde_json::Map::new();
        for (key, value) in header.as_object().into_iter().flatten() {
            if key == "meta" || value.is_number() {
                kept.insert(key.clone(), value.clone());
            }
        }
        self.write(serde_json::Value::Object(kept).to_string().as_bytes())
    }

    /// A section of numbers, byte for byte; a text in it would be none of the format's.
    fn numbers(&mut self, key: &str) -> Result<(), Stop> {
        let (out, failed) = (&mut *self.out, &mut self.failed);
        self.sections.value(|text| {
            if text.contains(&b'"') {
                return Err(Stop::Syntax(format!("\"{key}\" holds texts")));
            }
            out.write_all(text).map_err(|error| {
                *failed = Some(error);
                Stop::Syntax("the copy cannot be written".to_owned())
            })
        })
    }

    fn strings(&mut self) -> Result<(), Stop> {
        let (out, failed) = (&mut *self.out, &mut self.failed);
        let (redactor, report) = (&mut self.redactor, &mut self.report);
        let mut write = |bytes: &[u8]| {
            out.write_all(bytes).map_err(|error| {
                *failed = Some(error);
                Stop::Syntax("the copy cannot be written".to_owned())
            })
        };
        write(b"[")?;
        self.sections.each_string(|escaped| {
            let text = lossy(unescape(escaped));
            let (text, what) = redactor.replace(&text, escaped);
            match what {
                Left::Empty => report.empty += 1,
                Left::Known => {
                    report.known += 1;
                    *report.left.entry("names of the engine").or_default() += 1;
                }
                Left::Rebuilt(kind) => {
                    report.rebuilt += 1;
                    *report.left.entry(kind).or_default() += 1;
                }
                Left::Replaced => report.replaced += 1,
            }
            let before: &[u8] = if report.strings == 0 { b"" } else { b",\n" };
            report.strings += 1;
            write(before)?;
            write(serde_json::Value::String(text).to_string().as_bytes())
        })?;
        write(b"]")
    }
}

/// What was done with a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Left {
    Empty,
    Known,
    /// Of this kind.
    Rebuilt(&'static str),
    Replaced,
}

/// Replaces texts, equal ones by equal ones.
struct Redactor {
    known: HashSet<&'static str>,
    given: HashMap<Vec<u8>, String>,
    taken: HashSet<String>,
    /// Replacements tried so far, by length in UTF-16 units.
    tried: HashMap<usize, u64>,
}

/// Replacements longer than this are filled up: shorter ones use every digit.
const DIGITS: usize = 12;
/// From here on there are characters enough for names of one letter.
const MANY: u32 = 0x4e00;
const MANY_COUNT: u64 = 20_000;

/// Whether V8 or Node give this name to something of their own. Complexity: the list, some 10,000 lines.
pub(crate) fn is_known_name(name: &str) -> bool {
    KNOWN_NAMES.lines().any(|known| known == name)
}

impl Redactor {
    fn new() -> Redactor {
        Redactor {
            known: KNOWN_NAMES.lines().chain(RULE_NAMES).collect(),
            given: HashMap::new(),
            taken: HashSet::new(),
            tried: HashMap::new(),
        }
    }

    /// `text` is for reading, `escaped` tells texts apart that no Unicode string can.
    fn replace(&mut self, text: &str, escaped: &[u8]) -> (String, Left) {
        if text.is_empty() {
            return (String::new(), Left::Empty);
        }
        if self.known.contains(text) {
            return (text.to_owned(), Left::Known);
        }
        if let Some((text, kind)) = self.rebuild(text) {
            return (text, Left::Rebuilt(kind));
        }
        (self.name(&unescape(escaped)), Left::Replaced)
    }

    /// The replacement of a text in WTF-8.
    fn name(&mut self, text: &[u8]) -> String {
        if let Some(name) = self.given.get(text) {
            return name.clone();
        }
        let length = utf16_length(text);
        // DevTools quotes such names, which makes them longer.
        let quoted = memchr::memchr3(b',', b'\'', b'"', text).is_some()
            || memchr::memchr2(b'{', b'}', text).is_some();
        let name = loop {
            let tried = self.tried.entry(length).or_default();
            let mut name = replacement(*tried, length);
            *tried += 1;
            if quoted && length > 2 {
                name.pop();
                name.push(',');
            }
            // Shortened by its comma a name may come twice: only if it is new does it stand for this text.
            if !self.known.contains(name.as_str()) && self.taken.insert(name.clone()) {
                break name;
            }
        };
        self.given.insert(text.to_vec(), name.clone());
        name
    }

    /// A part of a built text: left if it is known, else replaced.
    fn part(&mut self, text: &str) -> String {
        if self.known.contains(text) {
            text.to_owned()
        } else {
            self.name(text.as_bytes())
        }
    }

    /// Texts the engine builds around the program's.
    fn rebuild(&mut self, text: &str) -> Option<(String, &'static str)> {
        if let Some(rest) = text.strip_prefix("Detached ") {
            let rest = match self.rebuild(rest) {
                Some((rest, _)) => rest,
                None => self.part(rest),
            };
            return Some((format!("Detached {rest}"), "that something is detached"));
        }
        for prefix in ["system / Context / ", "system / NativeContext / "] {
            if let Some(rest) = text.strip_prefix(prefix) {
                let text = format!("{prefix}{}", self.part(rest));
                return Some((text, "that something is a context"));
            }
        }
        for prefix in ["get ", "set "] {
            if let Some(rest) = text.strip_prefix(prefix) {
                let text = format!("{prefix}{}", self.part(rest));
                return Some((text, "that something is a getter or setter"));
            }
        }
        if let Some(rest) = text.strip_prefix('<')
            && let Some(inside) = rest.strip_suffix('>')
        {
            let (name, attributes) = match inside.split_once(' ') {
                Some((name, _)) => (name, true),
                None => (inside, false),
            };
            // Only HTML's own names: anything else could be the program's.
            if ELEMENTS.contains(&name) {
                let text = if attributes {
                    format!("<{name} {}>", self.name(text.as_bytes()))
                } else {
                    text.to_owned()
                };
                return Some((text, "names of HTML elements"));
            }
            // What DevTools takes for an element stays one.
            return Some((
                format!("<{}>", self.name(text.as_bytes())),
                "that something looks like an element",
            ));
        }
        let text = self.weak_map_entry(text)?;
        Some((text, "entries of WeakMaps: ids"))
    }

    /// `7 / part of key (K @3) -> value (V @5) pair in WeakMap (table @9)`: K and V are replaced.
    fn weak_map_entry(&mut self, text: &str) -> Option<String> {
        crate::weak_maps::parse(text.as_bytes())?;
        let (start, rest) = text.split_once(" / part of key (")?;
        let (key, rest) = rest.rsplit_once(") -> value (")?;
        let (value, table) = rest.rsplit_once(") pair in WeakMap (table @")?;
        let mut object = |text: &str| {
            let (name, id) = text.rsplit_once(" @")?;
            Some(format!("{} @{id}", self.part(name)))
        };
        let (key, value) = (object(key)?, object(value)?);
        Some(format!(
            "{start} / part of key ({key}) -> value ({value}) pair in WeakMap (table @{table}"
        ))
    }
}

/// The `serial`-th text of a length: `r` and digits, or, where they do not suffice, characters of a large alphabet.
fn replacement(serial: u64, length: usize) -> String {
    const ALPHABET: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
    let digits = length.saturating_sub(1).min(DIGITS);
    let room = 36_u64.checked_pow(digits as u32).unwrap_or(u64::MAX);
    if digits > 0 && serial < room {
        let mut name = vec![b'0'; length];
        name[0] = b'r';
        let mut rest = serial;
        for place in name[length - digits..].iter_mut().rev() {
            *place = ALPHABET[(rest % 36) as usize];
            rest /= 36;
        }
        return String::from_utf8_lossy(&name).into_owned();
    }
    let serial = if digits > 0 { serial - room } else { serial };
    let many = |number: u64| char::from_u32(MANY + number as u32).unwrap_or('r');
    if length < 2 && serial >= MANY_COUNT {
        // More than anybody has letters for.
        return format!("r{serial}");
    }
    let mut name = String::from(many(serial % MANY_COUNT));
    let mut rest = serial / MANY_COUNT;
    while rest > 0 {
        name.push(many(rest % MANY_COUNT));
        rest /= MANY_COUNT;
    }
    while utf16_length(name.as_bytes()) < length {
        name.push('r');
    }
    name
}

/// Element names of HTML and SVG that are left as they are.
const ELEMENTS: [&str; 127] = [
    "a",
    "abbr",
    "address",
    "area",
    "article",
    "aside",
    "audio",
    "b",
    "base",
    "bdi",
    "bdo",
    "blockquote",
    "body",
    "br",
    "button",
    "canvas",
    "caption",
    "circle",
    "cite",
    "clippath",
    "code",
    "col",
    "colgroup",
    "data",
    "datalist",
    "dd",
    "defs",
    "del",
    "desc",
    "details",
    "dfn",
    "dialog",
    "div",
    "dl",
    "dt",
    "ellipse",
    "em",
    "embed",
    "fieldset",
    "figcaption",
    "figure",
    "filter",
    "footer",
    "form",
    "g",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "head",
    "header",
    "hgroup",
    "hr",
    "html",
    "i",
    "iframe",
    "image",
    "img",
    "input",
    "ins",
    "kbd",
    "label",
    "legend",
    "li",
    "line",
    "link",
    "main",
    "map",
    "mark",
    "mask",
    "menu",
    "meta",
    "meter",
    "nav",
    "noscript",
    "object",
    "ol",
    "optgroup",
    "option",
    "output",
    "p",
    "path",
    "pattern",
    "picture",
    "polygon",
    "polyline",
    "pre",
    "progress",
    "q",
    "rect",
    "rp",
    "rt",
    "ruby",
    "s",
    "samp",
    "script",
    "search",
    "section",
    "select",
    "slot",
    "small",
    "source",
    "span",
    "stop",
    "strong",
    "style",
    "sub",
    "summary",
    "sup",
    "svg",
    "symbol",
    "table",
    "tbody",
    "td",
    "template",
    "text",
    "textarea",
    "tfoot",
    "th",
    "thead",
    "time",
    "title",
    "tr",
    "track",
    "use",
];

#[cfg(test)]
mod tests;

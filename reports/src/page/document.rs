//! The parts that the pages of runs and of comparisons share.

use super::CHARTS_DIR;
use super::table::Table;
use super::words::Paragraph;
use crate::chart::{Chart, dark_rules};
use crate::escape::{escape, url_segment};
use crate::record::Outcome;

/// A page under construction.
#[derive(Debug)]
pub(super) struct Document {
    title: String,
    head: String,
    /// Sections that the navigation names: anchor and title.
    sections: Vec<(&'static str, &'static str)>,
    body: String,
}

impl Document {
    /// A page with its heading, a badge beside it and a line of facts below.
    pub(super) fn new(title: &str, badge: &str, facts: &[String]) -> Self {
        let facts: Vec<String> = facts.iter().map(|fact| escape(fact)).collect();
        let head = format!(
            "<h1>{}{badge}</h1>\n<p class=\"facts\">{}</p>\n",
            escape(title),
            facts.join(" · ")
        );
        Self {
            title: title.to_owned(),
            head,
            sections: Vec::new(),
            body: String::new(),
        }
    }

    /// Begins a section.
    pub(super) fn section(&mut self, anchor: &'static str, title: &'static str) {
        self.sections.push((anchor, title));
        self.push(&format!("<h2 id=\"{anchor}\">{title}</h2>\n"));
    }

    /// Adds ready HTML.
    pub(super) fn push(&mut self, html: &str) {
        self.body += html;
    }

    /// Adds paragraphs, the first of them in the size of a lead.
    pub(super) fn paragraphs(&mut self, paragraphs: &[Paragraph]) {
        for (place, paragraph) in paragraphs.iter().enumerate() {
            let class = if place == 0 { " class=\"lead\"" } else { "" };
            self.push(&format!("<p{class}>{}</p>\n", paragraph.html()));
        }
    }

    /// Adds tiles: what it is, the figure, and a remark below.
    pub(super) fn tiles(&mut self, tiles: &[(String, String, String)]) {
        self.push("<ul class=\"tiles\">\n");
        for (title, figure, remark) in tiles {
            let (title, figure, remark) = (escape(title), escape(figure), escape(remark));
            self.push(&format!(
                "<li><span>{title}</span><b>{figure}</b><small>{remark}</small></li>\n"
            ));
        }
        self.push("</ul>\n");
    }

    /// Adds a card with a heading around ready HTML.
    pub(super) fn card(&mut self, title: &str, html: &str) {
        self.push(&format!(
            "<div class=\"card\"><h3>{}</h3>\n{html}</div>\n",
            escape(title)
        ));
    }

    /// Adds tables in cards side by side, without those that are empty.
    pub(super) fn cards(&mut self, tables: &[(&str, Table)]) {
        self.push("<div class=\"pair\">\n");
        for (title, table) in tables.iter().filter(|(_, table)| !table.rows.is_empty()) {
            self.card(title, &table.html());
        }
        self.push("</div>\n");
    }

    /// Adds charts in order; halves that follow each other stand side by side.
    pub(super) fn charts<'a>(&mut self, charts: impl IntoIterator<Item = &'a Chart>) {
        let charts: Vec<&Chart> = charts.into_iter().collect();
        for group in charts.chunk_by(|a, b| a.half && b.half) {
            let half = group[0].half;
            if half {
                self.push("<div class=\"pair\">\n");
            }
            for chart in group {
                self.push(&figure(chart));
            }
            if half {
                self.push("</div>\n");
            }
        }
    }

    /// The whole page.
    pub(super) fn finish(self, generator: &str) -> String {
        let links: Vec<String> = self
            .sections
            .iter()
            .map(|(anchor, title)| format!("<a href=\"#{anchor}\">{title}</a>"))
            .collect();
        // The palette's dark counterparts apply where the page's own dark colours do.
        format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n\
             <meta name=\"generator\" content=\"{generator}\"/>\n<title>{title}</title>\n<style>\n{style}\
             @media screen and (prefers-color-scheme: dark) {{\n{dark}}}\n</style>\n</head>\n<body>\n<header>\n{head}\
             <nav>{links}</nav>\n</header>\n<main>\n{body}</main>\n<footer>Made by {generator}. MB are 2<sup>20</sup> bytes, as V8 \
             counts them. This page needs no network and no scripts; hover over a chart for its figures.</footer>\n</body>\n</html>\n",
            generator = escape(generator),
            title = escape(&self.title),
            style = include_str!("style.css"),
            dark = dark_rules(),
            head = self.head,
            links = links.join("\n"),
            body = self.body,
        )
    }
}

/// A chart with its heading, its caption, and links to its files.
fn figure(chart: &Chart) -> String {
    let name = url_segment(&chart.name);
    let caption = match chart.caption.trim() {
        "" => String::new(),
        caption => format!("<figcaption>{}</figcaption>\n", escape(caption)),
    };
    format!(
        "<figure>\n<div class=\"head\"><h3>{title}</h3><span class=\"files\"><a href=\"{CHARTS_DIR}/{name}.svg\">SVG</a> \
         <a href=\"{CHARTS_DIR}/{name}.png\">PNG</a></span></div>\n{caption}{drawing}</figure>\n",
        title = escape(&chart.title),
        drawing = chart.inline,
    )
}

/// How a run ended, as a badge.
pub(super) fn badge(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Completed => "<span class=\"badge good\">completed</span>",
        Outcome::HeapLimit { .. } => "<span class=\"badge bad\">heap limit reached</span>",
        Outcome::Interrupted => "<span class=\"badge warn\">interrupted</span>",
        Outcome::Running => "<span class=\"badge warn\">record not closed</span>",
        Outcome::Failed { .. } => "<span class=\"badge bad\">failed</span>",
    }
}

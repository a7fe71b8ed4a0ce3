//! Readers that most JSON reports share: a document with a list, or one object a line.
//!
//! Owns [`Document`] and [`Rows`]. Must not know any format: a function per format turns values into
//! findings.

use cemem_core::Timestamp;
use cemem_core::finding::Finding;
use serde_json::Value;

use super::json;
use super::paths::Roots;
use super::report::{Report, Written};
use crate::sniff::Probe;
use crate::source::{FileInfo, Info, Layout, Malformed, Output, Reader, Record, Source};

/// A report being read.
pub(super) struct Sheet<'o, 'r> {
    /// What its paths are relative to.
    pub(super) roots: Roots,
    /// Where findings go.
    pub(super) report: Report,
    pub(super) out: &'o mut Output<'r>,
}

impl<'o, 'r> Sheet<'o, 'r> {
    /// Returns the sheet of one report that is a file.
    pub(super) fn new(file: &FileInfo, out: &'o mut Output<'r>) -> Self {
        let report = Report::new(file.path.clone(), file.modified);
        Self { roots: Roots::of(file, []), report, out }
    }

    /// Takes the paths of the whole report into account.
    pub(super) fn paths<'p>(&mut self, paths: impl IntoIterator<Item = &'p str>) {
        self.roots = std::mem::take(&mut self.roots).with_common(paths);
    }

    /// Says when the report was made.
    pub(super) fn made(&mut self, at: Option<Timestamp>) {
        self.report.made = at.or(self.report.made);
    }

    /// Names the report.
    pub(super) fn title(&mut self, title: &str) {
        self.out.session(self.report.session()).title = Some(title.to_owned());
    }

    /// Returns a path as it is stored.
    pub(super) fn path(&self, path: &str) -> String {
        self.roots.relative(path)
    }

    /// Adds a finding; one that says nothing is counted.
    pub(super) fn add(&mut self, finding: Finding) {
        self.add_written(finding, Written::default());
    }

    /// Adds a finding with an id or a time of its own.
    pub(super) fn add_written(&mut self, finding: Finding, written: Written) {
        if finding.message.trim().is_empty() {
            self.out.skip("no_message");
        } else {
            self.report.add_written(self.out, finding, written);
        }
    }
}

/// Reads a whole JSON document.
pub(super) struct Document {
    file: FileInfo,
    read: fn(&Value, &mut Sheet<'_, '_>),
}

impl Document {
    /// Returns a reader that hands the document to `read`.
    pub(super) fn reader(file: &FileInfo, read: fn(&Value, &mut Sheet<'_, '_>)) -> Box<dyn Reader> {
        Box::new(Self { file: file.clone(), read })
    }
}

impl Reader for Document {
    fn record(&mut self, record: Record<'_>, out: &mut Output<'_>) -> Result<(), Malformed> {
        let value = json::parse(record.text)?;
        (self.read)(&value, &mut Sheet::new(&self.file, out));
        Ok(())
    }

    fn state(&self) -> Value {
        Value::Null
    }
}

/// Reads one JSON object a line.
pub(super) struct Rows {
    roots: Roots,
    report: Report,
    read: fn(&Value, &mut Sheet<'_, '_>),
}

impl Rows {
    /// Returns a reader that hands every object to `read`.
    pub(super) fn reader(
        file: &FileInfo,
        state: &Value,
        read: fn(&Value, &mut Sheet<'_, '_>),
    ) -> Box<dyn Reader> {
        let report = Report::resume(&file.path, file.modified, state);
        Box::new(Self { roots: Roots::of(file, []), report, read })
    }
}

impl Reader for Rows {
    fn record(&mut self, record: Record<'_>, out: &mut Output<'_>) -> Result<(), Malformed> {
        let text = record.text.trim();
        let value = json::parse(text)?;
        let mut sheet = Sheet {
            roots: std::mem::take(&mut self.roots),
            report: std::mem::take(&mut self.report),
            out,
        };
        (self.read)(&value, &mut sheet);
        (self.roots, self.report) = (sheet.roots, sheet.report);
        Ok(())
    }

    fn state(&self) -> Value {
        self.report.state()
    }
}

/// A JSON format told by a key and the shape of its start.
pub(super) struct JsonFormat {
    pub(super) engine: &'static str,
    pub(super) format: &'static str,
    /// A whole document, or one object a line.
    pub(super) layout: Layout,
    /// A text that must occur at the start of the file, because it costs less than parsing.
    pub(super) needle: &'static str,
    /// Whether the start of the document, or one of the first rows, is of this format.
    pub(super) is: fn(&Value) -> bool,
    /// Turns the document, or one row, into findings.
    pub(super) read: fn(&Value, &mut Sheet<'_, '_>),
}

impl Source for JsonFormat {
    fn info(&self) -> Info {
        let Self { engine, format, layout, .. } = *self;
        Info { engine, format, version: super::READER_VERSION, layout }
    }

    fn sniff(&self, probe: &Probe<'_>) -> bool {
        if !probe.says(self.needle) {
            return false;
        }
        match self.layout {
            Layout::Lines => probe.objects().first().is_some_and(|row| (self.is)(row)),
            _ => json::start(probe.text).is_some_and(|v| (self.is)(&v)),
        }
    }

    fn reader(&self, file: &FileInfo, state: &Value) -> Box<dyn Reader> {
        match self.layout {
            Layout::Lines => Rows::reader(file, state, self.read),
            _ => Document::reader(file, self.read),
        }
    }
}

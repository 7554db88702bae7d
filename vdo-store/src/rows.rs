//! The rows of one batch on their way into the database.
//!
//! Every table travels as two bound values whatever the number of its rows: a JSON array of numbers, and one run of
//! bytes that texts and contents are cut from. So the SQL text never changes, statements stay prepared, and a table
//! costs one statement per batch. Pure: nothing here talks to a database.

use std::fmt::Write as _;

use sea_orm::Value;

use crate::sql;

/// Contents beyond this go in a statement of their own, so that a large import is never held several times over.
const MOST_BYTES: usize = 8 * 1024 * 1024;

/// The rows of one table.
#[derive(Debug)]
pub(crate) struct Table {
    json: String,
    bytes: Vec<u8>,
    rows: usize,
}

impl Default for Table {
    fn default() -> Self {
        // SQLite takes `substr` of an empty blob for NULL: the first byte is never used.
        Self { json: String::new(), bytes: vec![0], rows: 0 }
    }
}

impl Table {
    /// Starts a row.
    pub(crate) fn row(&mut self) -> Row<'_> {
        self.json.push(if self.rows == 0 { '[' } else { ',' });
        self.json.push('[');
        self.rows += 1;
        Row { table: self, first: true }
    }

    fn is_empty(&self) -> bool {
        self.rows == 0
    }

    fn values(self) -> [Value; 2] {
        if self.rows == 0 {
            return [Value::String(None), Value::Bytes(None)];
        }
        let mut json = self.json;
        json.push(']');
        [Value::from(json), Value::from(self.bytes)]
    }
}

/// A row being written; ends when dropped.
#[derive(Debug)]
pub(crate) struct Row<'a> {
    table: &'a mut Table,
    first: bool,
}

impl Row<'_> {
    fn comma(&mut self) {
        if !std::mem::replace(&mut self.first, false) {
            self.table.json.push(',');
        }
    }

    /// Adds a number, or NULL.
    pub(crate) fn int(&mut self, number: impl Into<Option<i64>>) -> &mut Self {
        self.comma();
        match number.into() {
            // Writing to a string cannot fail.
            Some(number) => _ = write!(self.table.json, "{number}"),
            None => self.table.json.push_str("null"),
        }
        self
    }

    /// Adds a truth value.
    pub(crate) fn flag(&mut self, flag: bool) -> &mut Self {
        self.int(i64::from(flag))
    }

    /// Adds bytes or a text, or NULL: takes two places in the row, the start and the length.
    pub(crate) fn bytes<'b>(&mut self, bytes: impl Into<Option<&'b [u8]>>) -> &mut Self {
        match bytes.into() {
            Some(bytes) => {
                let start = i64::try_from(self.table.bytes.len() + 1).unwrap_or(i64::MAX);
                self.table.bytes.extend_from_slice(bytes);
                self.int(start).int(i64::try_from(bytes.len()).unwrap_or(i64::MAX))
            }
            None => self.int(None).int(None),
        }
    }

    /// Adds a text, or NULL; as [`Row::bytes`].
    pub(crate) fn text<'b>(&mut self, text: impl Into<Option<&'b str>>) -> &mut Self {
        self.bytes(text.into().map(str::as_bytes))
    }
}

impl Drop for Row<'_> {
    fn drop(&mut self) {
        self.table.json.push(']');
    }
}

/// The tables of a batch, in the order they are written.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    pub(crate) jobs: Table,
    pub(crate) parents: Table,
    blobs: Vec<Table>,
    pub(crate) steps: Table,
    pub(crate) calls: Table,
    pub(crate) events: Table,
    pub(crate) revisions: Table,
    pub(crate) files: Table,
    pub(crate) snapshots: Table,
    pub(crate) pins: Table,
    pub(crate) checks: Table,
    pub(crate) counters: Table,
    pub(crate) states: Table,
    pub(crate) outcomes: Table,
    pub(crate) conflicts: Table,
    pub(crate) corrections: Table,
    pub(crate) sums: Table,
    pub(crate) health: Table,
    pub(crate) partials: Table,
    pub(crate) needless: Table,
}

/// A piece of SQL and what is bound to it.
#[derive(Debug)]
pub(crate) struct Piece {
    pub(crate) sql: String,
    pub(crate) values: Vec<Value>,
    pub(crate) statements: u64,
    pub(crate) rows: u64,
}

impl Rows {
    /// Returns the table that the next content goes into.
    pub(crate) fn blobs(&mut self) -> &mut Table {
        if self.blobs.last().is_none_or(|table| table.bytes.len() > MOST_BYTES) {
            self.blobs.push(Table::default());
        }
        let last = self.blobs.len() - 1;
        // One was pushed just now if there was none.
        #[expect(clippy::indexing_slicing)]
        &mut self.blobs[last]
    }

    /// Returns the SQL that writes all rows: one piece, and one more for every large run of contents.
    pub(crate) fn pieces(mut self) -> Vec<Piece> {
        let blobs = self.blobs.pop().unwrap_or_default();
        let mut pieces: Vec<Piece> =
            self.blobs.into_iter().map(|blobs| Self { blobs: vec![blobs], ..Self::default() }.piece()).collect();
        self.blobs = vec![blobs];
        pieces.push(self.piece());
        pieces.retain(|piece| piece.statements > 0);
        pieces
    }

    fn piece(mut self) -> Piece {
        let mut piece = Piece { sql: String::new(), values: Vec::with_capacity(40), statements: 0, rows: 0 };
        let tables = [
            (sql::JOBS, self.jobs),
            (sql::PARENTS, self.parents),
            (sql::BLOBS, self.blobs.pop().unwrap_or_default()),
            (sql::STEPS, self.steps),
            (sql::CALLS, self.calls),
            (sql::EVENTS, self.events),
            (sql::REVISIONS, self.revisions),
            (sql::FILES, self.files),
            (sql::SNAPSHOTS, self.snapshots),
            (sql::PINS, self.pins),
            (sql::CHECKS, self.checks),
            (sql::COUNTERS, self.counters),
            (sql::STATES, self.states),
            (sql::OUTCOMES, self.outcomes),
            (sql::CONFLICTS, self.conflicts),
            (sql::CORRECTIONS, self.corrections),
            (sql::BUDGET_SUMS, self.sums),
            (sql::HEALTH, self.health),
            (sql::PARTIALS, self.partials),
            (sql::NEEDLESS, self.needless),
        ];
        for (sql, table) in tables {
            if !table.is_empty() {
                piece.sql.push_str(sql);
                piece.statements += 1;
                piece.rows += table.rows as u64;
            }
            piece.values.extend(table.values());
        }
        piece
    }
}

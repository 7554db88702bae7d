//! The two databases' ways to say the same thing.
//!
//! Every statement of this crate is written once, in the words of SQLite, and put into PostgreSQL's by [`sql`]: pure text
//! for text, by a few fixed rules, so that what is read and written is the same in both. What cannot be said so has a
//! function here. Never depends on data.

use std::borrow::Cow;

use sea_orm::{DbBackend, Statement, Value};

/// Words of SQLite that PostgreSQL has other words for, in the order they are replaced.
const WORDS: &[(&str, &str)] = &[
    ("CROSS JOIN", "JOIN"),
    ("unhex(e.value)", "decode(e.value, 'hex')"),
    ("lower(hex(hash))", "encode(hash, 'hex')"),
    ("lower(hex(request_hash))", "encode(request_hash, 'hex')"),
    ("json_group_array(", "json_agg("),
    ("json_array(", "json_build_array("),
    ("e.value->>", "CAST(e.value AS jsonb)->>"),
    ("instr(", "strpos("),
];

/// Returns a statement in the words of a database.
///
/// The forms with a meaning of their own: `IN (SELECT value FROM json_each(?1))` is a list of ids, with `+` behind the name
/// a list of texts; `json_each(?1) e` gives `e.value`, a text or an array whose parts are `e.value->>0`, and `e.key`, the
/// place in the list.
pub(crate) fn sql(backend: DbBackend, text: &str) -> Cow<'_, str> {
    if backend != DbBackend::Postgres {
        return if text.contains("json_each+(") {
            text.replace("json_each+(", "json_each(").into()
        } else {
            text.into()
        };
    }
    let mut text = lists(text);
    for (from, to) in WORDS {
        if text.contains(from) {
            text = text.replace(from, to);
        }
    }
    numbered(&text).into()
}

/// Returns a statement for a database.
pub(crate) fn statement(backend: DbBackend, text: &str, values: impl IntoIterator<Item = Value>) -> Statement {
    Statement::from_sql_and_values(backend, sql(backend, text), values)
}

/// Puts PostgreSQL's functions in the place of `json_each`.
fn lists(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 128);
    let mut rest = text;
    const IDS: &str = "SELECT value FROM json_each(";
    const TEXTS: &str = "SELECT value FROM json_each+(";
    const ROWS: &str = "json_each(";
    loop {
        let found = [IDS, TEXTS, ROWS].into_iter().filter_map(|form| Some((rest.find(form)?, form)));
        let Some((at, form)) = found.min_by_key(|(at, form)| (*at, std::cmp::Reverse(form.len()))) else { break };
        let (head, tail) = rest.split_at(at);
        out.push_str(head);
        let tail = tail.get(form.len()..).unwrap_or_default();
        let (parameter, tail) = tail.split_once(')').unwrap_or((tail, ""));
        let elements = format!("jsonb_array_elements_text(CAST({parameter} AS jsonb))");
        match form {
            IDS => out.push_str(&format!("SELECT CAST(value AS BIGINT) FROM {elements} AS value")),
            TEXTS => out.push_str(&format!("SELECT value FROM {elements} AS value")),
            _ => {
                out.push_str(&format!("{elements} WITH ORDINALITY AS e(value, key)"));
                // The name that follows is part of what was just written.
                rest = tail.strip_prefix(" e").unwrap_or(tail);
                continue;
            }
        }
        rest = tail;
    }
    out.push_str(rest);
    out
}

/// Writes parameters as `$1`.
fn numbered(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        let is_parameter = letter == '?' && letters.peek().is_some_and(char::is_ascii_digit);
        out.push(if is_parameter { '$' } else { letter });
    }
    out
}

/// Stands for a zero in texts of PostgreSQL, which has none, together with the `0` behind it; twice for itself.
const ESCAPE: char = '\u{f8ff}';

/// Returns a text as a database can keep it. [`restore`] gives it back.
pub(crate) fn keep(backend: DbBackend, text: &str) -> Cow<'_, str> {
    if backend != DbBackend::Postgres || !text.contains(['\0', ESCAPE]) {
        return text.into();
    }
    let mut kept = String::with_capacity(text.len() + 8);
    for letter in text.chars() {
        match letter {
            '\0' => kept.extend([ESCAPE, '0']),
            ESCAPE => kept.extend([ESCAPE, ESCAPE]),
            other => kept.push(other),
        }
    }
    kept.into()
}

/// Turns what [`keep`] made of a text back into it.
pub(crate) fn restore(backend: DbBackend, text: &mut String) {
    if backend != DbBackend::Postgres || !text.contains(ESCAPE) {
        return;
    }
    let mut restored = String::with_capacity(text.len());
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match (letter, letter == ESCAPE) {
            (_, true) => restored.push(if letters.next() == Some('0') { '\0' } else { ESCAPE }),
            (other, false) => restored.push(other),
        }
    }
    *text = restored;
}

/// Returns the day of a moment in milliseconds as SQL: `2026-11-30`.
pub(crate) fn day(backend: DbBackend, column: &str) -> String {
    match backend {
        DbBackend::Postgres => {
            format!("to_char(to_timestamp({column} / 1000) AT TIME ZONE 'UTC', 'YYYY-MM-DD')")
        }
        _ => format!("strftime('%Y-%m-%d', {column} / 1000, 'unixepoch')"),
    }
}

/// Returns a migration, written for SQLite, in the words of a database.
///
/// The types that SQLite lets mean anything get the ones that are read: every number is a `BIGINT`. Keys that the store does
/// not give out itself are counted by the database.
pub(crate) fn schema(backend: DbBackend, text: &str) -> Cow<'_, str> {
    if backend != DbBackend::Postgres {
        return text.into();
    }
    let mut out = String::with_capacity(text.len() * 2);
    for line in text.lines() {
        let line = line
            .replace("INTEGER PRIMARY KEY AUTOINCREMENT", "BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY")
            .replace("revision_id INTEGER PRIMARY KEY", "revision_id BIGINT PRIMARY KEY")
            .replace("INTEGER PRIMARY KEY", "BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY")
            .replace("BOOLEAN NOT NULL DEFAULT 1", "BOOLEAN NOT NULL DEFAULT TRUE")
            .replace("BOOLEAN NOT NULL DEFAULT 0", "BOOLEAN NOT NULL DEFAULT FALSE")
            .replace(" INTEGER", " BIGINT")
            .replace(" BLOB", " BYTEA")
            .replace(") WITHOUT ROWID;", ");");
        out.push_str(&line);
        out.push('\n');
    }
    out.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn assert_postgres(text: &str, wanted: &str) {
        assert_eq!(sql(DbBackend::Postgres, text), wanted);
    }

    #[test]
    fn sqlite_takes_its_own_words_as_they_are() {
        let text = "SELECT b.hash FROM json_each(?1) e CROSS JOIN blobs b ON b.hash = unhex(e.value)";
        assert!(matches!(sql(DbBackend::Sqlite, text), Cow::Borrowed(same) if same == text));
        assert_eq!(
            sql(DbBackend::Sqlite, "IN (SELECT value FROM json_each+(?1))"),
            "IN (SELECT value FROM json_each(?1))"
        );
    }

    #[test]
    fn lists_become_the_functions_that_postgres_has() {
        assert_postgres(
            "DELETE FROM jobs WHERE id IN (SELECT value FROM json_each(?1)) AND a = ?2",
            "DELETE FROM jobs WHERE id IN (SELECT CAST(value AS BIGINT) FROM jsonb_array_elements_text(CAST($1 AS jsonb)) \
             AS value) AND a = $2",
        );
        assert_postgres(
            "hex IN (SELECT value FROM json_each+(?3))",
            "hex IN (SELECT value FROM jsonb_array_elements_text(CAST($3 AS jsonb)) AS value)",
        );
        assert_postgres(
            "SELECT b.hash FROM json_each(?1) e CROSS JOIN blobs b ON b.hash = unhex(e.value) ORDER BY e.key",
            "SELECT b.hash FROM jsonb_array_elements_text(CAST($1 AS jsonb)) WITH ORDINALITY AS e(value, key) JOIN blobs b \
             ON b.hash = decode(e.value, 'hex') ORDER BY e.key",
        );
        assert_postgres("s.scope = e.value->>0", "s.scope = CAST(e.value AS jsonb)->>0");
    }

    #[test]
    fn question_marks_that_are_no_parameters_stay() {
        assert_postgres("SELECT '?' || ?1, ?12", "SELECT '?' || $1, $12");
    }

    #[test]
    fn any_text_comes_back_from_either_database() {
        for text in ["", "plain", "a\0b", "\0\0", "\u{f8ff}", "\u{f8ff}0", "\u{f8ff}\0\u{f8ff}0\0"] {
            for backend in [DbBackend::Sqlite, DbBackend::Postgres] {
                let mut kept = keep(backend, text).into_owned();
                assert!(backend == DbBackend::Sqlite || !kept.contains('\0'));
                restore(backend, &mut kept);
                assert_eq!(kept, text);
            }
        }
    }

    #[test]
    fn a_schema_gets_types_that_are_read_as_written() {
        let text = "CREATE TABLE t (\n  id INTEGER PRIMARY KEY,\n  job_id INTEGER NOT NULL,\n  data BLOB,\n  \
                    hard BOOLEAN NOT NULL DEFAULT 1,\n  PRIMARY KEY (job_id)\n) WITHOUT ROWID;";
        let wanted = "CREATE TABLE t (\n  id BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,\n  \
                      job_id BIGINT NOT NULL,\n  data BYTEA,\n  hard BOOLEAN NOT NULL DEFAULT TRUE,\n  \
                      PRIMARY KEY (job_id)\n);\n";
        assert_eq!(schema(DbBackend::Postgres, text), wanted);
        assert_eq!(schema(DbBackend::Sqlite, text), text);
    }
}

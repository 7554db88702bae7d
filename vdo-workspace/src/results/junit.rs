//! JUnit XML, as pytest and many others write it.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use vdo_core::check::TestStatus;

use super::Tests;

/// Returns the results of a report; `None` if it is not well-formed to its end.
pub(super) fn parse(bytes: &[u8]) -> Option<Tests> {
    let mut reader = Reader::from_reader(bytes);
    let mut tests = Tests::default();
    let mut depth = 0_usize;
    let mut case: Option<(String, TestStatus)> = None;
    loop {
        match reader.read_event().ok()? {
            Event::Start(tag) => {
                depth = depth.saturating_add(1);
                enter(&tag, &mut case);
            }
            Event::Empty(tag) => {
                enter(&tag, &mut case);
                leave(tag.local_name().as_ref(), &mut case, &mut tests);
            }
            Event::End(tag) => {
                depth = depth.checked_sub(1)?;
                leave(tag.local_name().as_ref(), &mut case, &mut tests);
            }
            Event::Eof => return (depth == 0).then_some(tests),
            // Text, comments and document types say nothing of a result; entities are not expanded.
            _ => {}
        }
    }
}

fn enter(tag: &BytesStart<'_>, case: &mut Option<(String, TestStatus)>) {
    match (tag.local_name().as_ref(), case) {
        ("testcase", case) => {
            let (class, name) = (attribute(tag, "classname"), attribute(tag, "name"));
            let name = if class.is_empty() { name } else { format!("{class}::{name}") };
            *case = Some((name, TestStatus::Passed));
        }
        ("failure" | "error", Some((_, status))) => *status = TestStatus::Failed,
        ("skipped", Some((_, status))) if *status == TestStatus::Passed => *status = TestStatus::Skipped,
        _ => {}
    }
}

fn leave(tag: &str, case: &mut Option<(String, TestStatus)>, tests: &mut Tests) {
    if tag == "testcase"
        && let Some((name, status)) = case.take()
    {
        tests.add(&name, status);
    }
}

/// Returns an attribute's value with XML's five own entities resolved; others stay as they are written.
fn attribute(tag: &BytesStart<'_>, name: &str) -> String {
    let Ok(Some(found)) = tag.try_get_attribute(name) else { return String::new() };
    let raw = found.value;
    quick_xml::escape::unescape(&raw).map_or_else(|_| raw.to_string(), std::borrow::Cow::into_owned)
}

//! What a line of a test is: an assertion, one that always holds, a mark to pass the test over.

use super::cases::{Case, Tongue};

/// Returns the code of a line; none for comments.
fn code(tongue: Tongue, line: &str) -> Option<&str> {
    let line = line.trim();
    let comment = match tongue {
        Tongue::Python => line.starts_with('#'),
        _ => line.starts_with("//") || line.starts_with('*') || line.starts_with("/*"),
    };
    (!comment && !line.is_empty()).then_some(line)
}

/// Returns whether a line asserts something.
pub(super) fn is_assertion(tongue: Tongue, line: &str) -> bool {
    let Some(code) = code(tongue, line) else { return false };
    let has = |words: &[&str]| words.iter().any(|word| code.contains(word));
    match tongue {
        Tongue::Python => has(&["assert", "pytest.raises", "pytest.fail", "self.fail", "pytest.warns", "check_"]),
        Tongue::Script => {
            has(&["expect(", "assert", ".should", "t.is(", "t.deepEqual(", ".expect(", "t.equal(", "toMatch"])
        }
        Tongue::Rust => has(&["assert", "panic!", "prop_", "unreachable!", ".unwrap_err()"]),
        Tongue::Go => has(&["t.Error", "t.Fatal", "assert", "require.", "t.Fail", "b.Fatal", "b.Error", "panic("]),
        Tongue::Java => has(&["assert", "verify(", "fail("]),
    }
}

/// Returns whether a comment hides an assertion.
pub(super) fn is_hidden_assertion(tongue: Tongue, line: &str) -> bool {
    let line = line.trim();
    let inner = match tongue {
        Tongue::Python => line.strip_prefix('#'),
        _ => line.strip_prefix("//"),
    };
    inner.is_some_and(|inner| {
        let inner = inner.trim_start();
        ["assert", "self.assert", "expect(", "t.Error", "t.Fatal", "require.", "pytest.raises"]
            .iter()
            .any(|start| inner.starts_with(start))
    })
}

/// Returns whether an assertion holds whatever the code does.
pub(super) fn is_vacuous(tongue: Tongue, line: &str) -> bool {
    if !is_assertion(tongue, line) {
        return false;
    }
    let squeezed: String = line.chars().filter(|c| !c.is_whitespace()).collect();
    let squeezed = squeezed.trim_end_matches(';');
    const ALWAYS: &[&str] = &[
        "assertTrue",
        "assert1",
        "assert(True)",
        "assertnotFalse",
        "self.assertTrue(True)",
        "self.assertFalse(False)",
        "assertnotNone==True",
        "expect(true).toBe(true)",
        "expect(true).toBeTruthy()",
        "expect(false).toBe(false)",
        "expect(true).toEqual(true)",
        "assert(true)",
        "assert.ok(true)",
        "assert.ok(1)",
        "assert.equal(true,true)",
        "assert!(true)",
        "t.pass()",
        "assertTrue(true)",
        "assert.True(t,true)",
        "require.True(t,true)",
        "expect(true).to.be.true",
        "expect(true).to.equal(true)",
    ];
    if ALWAYS.contains(&squeezed) {
        return true;
    }
    let always = [" or True", " or 1", "|| true", "||true", " or not None"];
    if always.iter().any(|end| line.contains(end)) {
        return true;
    }
    same_sides(squeezed)
}

/// Compares a thing with itself: `assert x == x`, `assertEqual(1, 1)`, `expect(a).toBe(a)`.
fn same_sides(text: &str) -> bool {
    if let Some(rest) = text.strip_prefix("assert").filter(|rest| !rest.starts_with(['E', '_', '.', 'I', 'T', '('])) {
        let rest = rest.split(",\"").next().unwrap_or(rest);
        return rest.split_once("==").is_some_and(|(one, other)| one == other && !one.is_empty());
    }
    for call in [
        "assertEqual(",
        "assertEquals(",
        "assertIs(",
        "assert_eq!(",
        "assert.equal(",
        "assert.strictEqual(",
        "assert.deepEqual(",
        "assertSame(",
    ] {
        if let Some((_, inner)) = text.split_once(call)
            && let Some(inner) = inner.strip_suffix(')')
            && let Some(half) = inner.len().checked_sub(1).filter(|length| length % 2 == 0)
            && let (Some(one), Some(other)) = (inner.get(..half / 2), inner.get(half / 2 + 1..))
        {
            return one == other && inner.get(half / 2..=half / 2) == Some(",");
        }
    }
    for check in [").toBe(", ").toEqual(", ").toStrictEqual(", ").to.equal("] {
        if let Some((one, other)) = text.split_once(check) {
            return one.strip_prefix("expect(").zip(other.strip_suffix(')')).is_some_and(|(one, other)| one == other);
        }
    }
    false
}

/// Returns whether a line has tests passed over, always.
pub(super) fn is_skip(tongue: Tongue, line: &str) -> bool {
    if tongue == Tongue::Go && ["//go:build ignore", "// +build ignore"].contains(&line.trim()) {
        return true;
    }
    let Some(code) = code(tongue, line) else { return false };
    let has = |words: &[&str]| words.iter().any(|word| code.contains(word));
    match tongue {
        Tongue::Python => {
            let squeezed: String = code.chars().filter(|c| !c.is_whitespace()).collect();
            let always = ["skipif(True", "skipIf(True", "skipUnless(False", "skipif(1", "ifFalse:", "if0:"];
            let mark = |mark: &str| code.contains(&format!("mark.{mark}")) && !code.contains(&format!("mark.{mark}if"));
            always.iter().any(|word| squeezed.contains(word))
                || mark("skip")
                || (mark("xfail")
                    && !code.contains("strict=True")
                    && !squeezed.contains("xfail(sys")
                    && !squeezed.contains("xfail(plat"))
                || has(&[
                    "unittest.skip(",
                    "unittest.expectedFailure",
                    "@skip(",
                    "@expectedFailure",
                    "self.skipTest(",
                    "raise unittest.SkipTest",
                    "raise SkipTest",
                ])
                || code.starts_with("pytest.skip(")
                || code.starts_with("__test__ = False")
        }
        Tongue::Script => has(&[
            "it.skip(",
            "test.skip(",
            "describe.skip(",
            "xit(",
            "xtest(",
            "xdescribe(",
            "test.todo(",
            "it.todo(",
            ".skip.each",
            "this.skip()",
            "{ skip: true",
            "{skip: true",
            "suite.skip(",
        ]),
        Tongue::Rust => {
            code.starts_with("#[ignore") || code.starts_with("#[cfg(any())]") || code.contains("cfg_attr(all(), ignore")
        }
        Tongue::Go => code.starts_with("t.Skip(") || code.starts_with("t.SkipNow(") || code.starts_with("t.Skipf("),
        Tongue::Java => has(&["@Disabled", "@Ignore"]),
    }
}

/// Returns whether a test is passed over: by a mark, or because it returns before it does anything.
pub(super) fn is_skipped(tongue: Tongue, case: &Case<'_>) -> bool {
    let own = case.body.iter().find(|line| !line.trim().is_empty()).map_or(0, |line| super::cases::indent(line));
    // A skip that stands deeper is under a condition.
    let direct = case.body.iter().filter(|line| super::cases::indent(line) == own);
    case.head.iter().chain(direct).any(|line| is_skip(tongue, line)) || returns_at_once(case)
}

fn returns_at_once(case: &Case<'_>) -> bool {
    let mut lines = case
        .body
        .iter()
        .map(|line| line.trim())
        .filter(|line| !line.is_empty() && !line.starts_with('#') && !line.starts_with("//"));
    let first = lines.next().unwrap_or_default();
    let is_text =
        (first.starts_with("\"\"\"") && first.len() > 5 && first.ends_with("\"\"\"")) || first.starts_with("'''");
    let first = if is_text { lines.next().unwrap_or_default() } else { first };
    matches!(first.trim_end_matches(';'), "return" | "return None" | "return true" | "return 0")
        && lines.next().is_some()
}

/// Counts places where a failure is caught and nothing made of it.
pub(super) fn swallows(tongue: Tongue, case: &Case<'_>) -> usize {
    let lines: Vec<&str> = case.lines().collect();
    let pairs = lines.iter().zip(lines.iter().skip(1).chain([&""]));
    pairs
        .filter(|(line, next)| match tongue {
            Tongue::Python => {
                let catches = [
                    "except:",
                    "except Exception",
                    "except AssertionError",
                    "except BaseException",
                    "except (AssertionError",
                ];
                let idle = |text: &str| {
                    matches!(text, "pass" | "return" | "return None" | "..." | "continue") || text.starts_with("print(")
                };
                (catches.iter().any(|start| line.starts_with(start)) && idle(next))
                    || line.contains("suppress(Exception")
                    || line.contains("suppress(AssertionError")
                    || line.contains("suppress(BaseException")
            }
            Tongue::Script | Tongue::Java => {
                (line.contains("catch (") || line.contains("catch {") || line.contains("catch("))
                    && (line.ends_with("{}") || next.starts_with('}'))
                    || line.contains(".catch(() => {})")
            }
            Tongue::Rust => line.contains("catch_unwind"),
            Tongue::Go => line.contains("recover()"),
        })
        .count()
}

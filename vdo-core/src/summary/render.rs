//! Writing a summary within a budget, by whole items.
//!
//! Sections take turns, each with as many items a turn as it is worth, until nothing more fits. What was left out is
//! counted. Invariant: the text is never longer than the budget, and the same summary gives the same bytes.

use super::{Listed, Summary};

/// How many bytes make a token.
const TOKEN: usize = 4;
/// The longest name and the longest sentence, in characters.
const MAX_NAME: usize = 90;
const MAX_SENTENCE: usize = 140;
/// How many dependencies of a module are named.
const MAX_USES: usize = 6;

/// A part of the text: a title with items.
struct Section {
    title: String,
    items: Vec<String>,
    /// How many more there are than items.
    more: u64,
    /// Whether the items stand on one line.
    is_inline: bool,
    /// How many items it gets in a turn.
    turn: usize,
}

impl Section {
    fn list(title: &str, turn: usize, items: Vec<String>, more: u64) -> Self {
        Self { title: format!("### {title}"), items, more, is_inline: false, turn }
    }

    fn line(title: &str, turn: usize, items: Vec<String>, more: u64) -> Self {
        Self { title: format!("{title}: "), items, more, is_inline: true, turn }
    }

    /// Returns how long it is with `count` items.
    fn len(&self, count: usize) -> usize {
        if count == 0 {
            return 0;
        }
        let around = if self.is_inline { 2 } else { 3 };
        let items: usize = self.items.iter().take(count).map(|item| item.len() + around).sum();
        self.title.len() + 2 + items + self.rest(count).len() + around
    }

    /// Says how many are left out.
    fn rest(&self, count: usize) -> String {
        let hidden = u64::try_from(self.items.len().saturating_sub(count)).unwrap_or(u64::MAX);
        match hidden.saturating_add(self.more) {
            0 => String::new(),
            hidden => format!("… and {hidden} more"),
        }
    }

    fn write(&self, count: usize, text: &mut String) {
        if count == 0 {
            return;
        }
        let rest = self.rest(count);
        let items = self.items.iter().take(count).map(String::as_str);
        let items: Vec<&str> = items.chain(Some(rest.as_str()).filter(|rest| !rest.is_empty())).collect();
        text.push_str(&self.title);
        if self.is_inline {
            text.push_str(&items.join(", "));
        } else {
            for item in items {
                text.push_str("\n- ");
                text.push_str(item);
            }
        }
        text.push('\n');
    }
}

impl Summary {
    /// Writes it as Markdown of at most `tokens` tokens, four bytes each: whole items, the most important first.
    #[must_use]
    pub fn render(&self, tokens: usize) -> String {
        let budget = tokens.saturating_mul(TOKEN);
        let mut sections = self.sections();
        sections.retain(|section| !section.items.is_empty());
        let mut counts = vec![0_usize; sections.len()];
        let mut used = 0;
        loop {
            let mut grew = false;
            for (section, count) in sections.iter().zip(&mut counts) {
                for _ in 0..section.turn {
                    if *count >= section.items.len() {
                        break;
                    }
                    let with = used - section.len(*count) + section.len(*count + 1);
                    if with > budget {
                        break;
                    }
                    used = with;
                    *count += 1;
                    grew = true;
                }
            }
            if !grew {
                break;
            }
        }
        let mut text = String::new();
        for (section, count) in sections.iter().zip(counts) {
            section.write(count, &mut text);
        }
        text
    }

    fn sections(&self) -> Vec<Section> {
        let about = Some(shown(&self.about, MAX_SENTENCE)).filter(|about| !about.is_empty());
        let about = Section::line("About", 1, about.into_iter().collect(), 0);
        let size = (self.version > 0).then(|| format!("{}, {}", files(self.files), lines(self.lines)));
        let size = Section::line("Size", 1, size.into_iter().collect(), 0);
        let mut sections = vec![about, size, self.languages()];
        sections.extend([self.modules(), self.entry_points(), self.tests_run(), self.tests_lie()]);
        sections.extend([self.commands(), self.routes(), self.conventions()]);
        let paths = self.build_files.items.iter().map(|path| name(path.as_str())).collect();
        sections.push(Section::line("Build files", 4, paths, self.build_files.more));
        for (title, dev) in [("Depends on", false), ("For development", true)] {
            let of = self.dependencies.items.iter().filter(|dependency| dependency.dev == dev);
            let more = if dev { 0 } else { self.dependencies.more };
            sections.push(Section::line(title, 4, of.map(|dependency| name(&dependency.name)).collect(), more));
        }
        sections
    }

    fn languages(&self) -> Section {
        let one = |language: &super::LanguageShare| {
            let share = match language.permille {
                0 => String::new(),
                permille => format!(" {}.{} %", permille / 10, permille % 10),
            };
            format!("{}{share} ({})", name(&language.name), files(language.files))
        };
        lined("Languages", 6, &self.languages, one)
    }

    fn modules(&self) -> Section {
        let one = |module: &super::Module| {
            let mut text = format!("{}/", name(&module.path));
            if module.path == "." {
                text = "(root)".to_owned();
            }
            let last = module.path.rsplit('/').next().unwrap_or_default();
            if let Some(called) = module.name.as_ref().filter(|called| *called != last) {
                text.push_str(&format!(" `{}`", name(called)));
            }
            text.push_str(&format!(" ({}, {})", files(module.files), lines(module.lines)));
            if !module.about.is_empty() {
                text.push_str(&format!(": {}", shown(&module.about, MAX_SENTENCE)));
            }
            if !module.depends_on.is_empty() {
                let uses: Vec<String> = module.depends_on.iter().take(MAX_USES).map(|path| name(path)).collect();
                let more = module.depends_on.len().saturating_sub(MAX_USES);
                let more = if more > 0 { format!(" and {more} more") } else { String::new() };
                text.push_str(&format!("; uses {}{more}", uses.join(", ")));
            }
            text
        };
        listed("Modules", 4, &self.modules, one)
    }

    fn entry_points(&self) -> Section {
        listed("Entry points", 3, &self.entry_points, |entry| {
            let called = entry.name.as_ref().map_or(String::new(), |called| format!(" `{}`", name(called)));
            format!("{} ({}{called})", name(entry.path.as_str()), entry.kind.as_str())
        })
    }

    fn tests_run(&self) -> Section {
        let usual = self.tests.usual.iter().map(|run| format!("usually `{}`", command(run)));
        let detected = self.tests.commands.iter().map(|run| format!("`{}`", command(run)));
        Section::list("Tests are run by", 3, detected.chain(usual).collect(), 0)
    }

    fn tests_lie(&self) -> Section {
        let places = self.tests.places.items.iter();
        let named = self.tests.naming.iter().map(|pattern| format!("named {}", name(pattern)));
        let places = places.map(|(place, files)| format!("{} ({})", name(place), grouped(*files)));
        let title = format!("Tests ({})", files(self.tests.files));
        Section::line(&title, 4, named.chain(places).collect(), self.tests.places.more)
    }

    fn commands(&self) -> Section {
        listed("Commands", 3, &self.commands, |one| {
            let run = if one.run.is_empty() { String::new() } else { format!(": {}", command(&one.run)) };
            format!("`{}`{run}", command(&one.name))
        })
    }

    fn routes(&self) -> Section {
        listed("Routes", 3, &self.routes, |route| {
            let (method, pattern) = (name(&route.method), name(&route.pattern));
            format!("{method} {pattern} ({}:{})", name(route.path.as_str()), route.line)
        })
    }

    fn conventions(&self) -> Section {
        listed("Conventions", 3, &self.conventions, |one| {
            let from = one.path.as_ref().map_or(String::new(), |path| format!(" ({})", name(path.as_str())));
            format!("{}: {}{from}", name(&one.what), shown(&one.how, MAX_SENTENCE))
        })
    }
}

fn listed<T>(title: &str, turn: usize, list: &Listed<T>, write: impl FnMut(&T) -> String) -> Section {
    Section::list(title, turn, list.items.iter().map(write).collect(), list.more)
}

fn lined<T>(title: &str, turn: usize, list: &Listed<T>, write: impl FnMut(&T) -> String) -> Section {
    Section::line(title, turn, list.items.iter().map(write).collect(), list.more)
}

fn name(text: &str) -> String {
    shown(text, MAX_NAME)
}

fn command(text: &str) -> String {
    shown(text, MAX_SENTENCE).replace('`', "'")
}

/// Returns text that stays on its line, cannot be taken for something else, and has at most `limit` characters.
fn shown(text: &str, limit: usize) -> String {
    let mut out = String::new();
    let mut chars = text.chars();
    for c in chars.by_ref().take(limit) {
        let is_hidden = c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
        out.push(if is_hidden { ' ' } else { c });
    }
    if chars.next().is_some() {
        out.push('…');
    }
    out
}

fn files(count: u64) -> String {
    if count == 1 { "1 file".to_owned() } else { format!("{} files", grouped(count)) }
}

fn lines(count: u64) -> String {
    if count == 1 { "1 line".to_owned() } else { format!("{} lines", grouped(count)) }
}

/// Returns a number with its digits in groups of three.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use crate::summary::{Listed, Module, Route, Summary, VERSION};

    fn large() -> Summary {
        let module = |number: usize| Module {
            path: format!("packages/part-{number}\n## fake"),
            about: "does \u{202e}this and that ".repeat(20),
            files: 1234,
            lines: 1_234_567,
            depends_on: (0..40).map(|other| format!("packages/part-{other}")).collect(),
            ..Module::default()
        };
        let route = |number: usize| Route {
            method: "GET".to_owned(),
            pattern: format!("/{}", "x".repeat(number * 50)),
            path: "app.py".parse().unwrap(),
            line: 7,
        };
        Summary {
            version: VERSION,
            files: 70_000,
            modules: Listed { items: (0..40).map(module).collect(), more: 3 },
            routes: Listed { items: (0..100).map(route).collect(), more: 900 },
            ..Summary::default()
        }
    }

    #[test]
    fn no_summary_is_longer_than_its_budget_and_what_is_left_out_is_counted() {
        let summary = large();
        for tokens in [0, 1, 5, 20, 100, 300, 500, 1200, 2000] {
            let text = summary.render(tokens);
            assert!(text.len() <= tokens * 4, "{tokens}: {}", text.len());
            assert_eq!(text, summary.render(tokens));
            assert!(!text.contains("\n## fake") && !text.contains('\u{202e}'), "{text}");
        }
        let text = summary.render(2000);
        assert!(text.len() > 7_000, "{}", text.len());
        let listed = text.lines().filter(|line| line.starts_with("- packages/")).count();
        assert!(text.contains(&format!("- … and {} more\n### Routes", 43 - listed)), "{text}");
    }

    #[test]
    fn nothing_looked_at_is_nothing_told() {
        assert_eq!(Summary::default().render(2000), "");
    }
}

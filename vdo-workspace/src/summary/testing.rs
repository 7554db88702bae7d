//! Where the tests lie, what they are called, and how they run.

use std::collections::{BTreeMap, BTreeSet};

use vdo_core::check::CheckCommand;
use vdo_core::summary::{Listed, Tests};

use super::FileSigns;
use super::class::{folder, is_aside_folder, is_test, test_name};
use super::manifests::Found;

/// How many folders and commands are told.
const MAX_PLACES: usize = 12;
const MAX_COMMANDS: usize = 6;

pub(super) fn tests(files: &[FileSigns<'_>], found: &Found, checks: &[CheckCommand]) -> Tests {
    let (mut places, mut naming): (BTreeMap<String, u64>, BTreeMap<&str, u64>) = Default::default();
    let (mut count, mut inline) = (0, 0_u64);
    let is_data = |path: &str| folder(path).split('/').any(|name| is_aside_folder(name) && name != "templates");
    let code = files.iter().filter(|file| file.is_code() && !is_data(file.path.as_str()));
    for file in code {
        if !is_test(file.path) {
            inline += u64::from(file.signs.has_tests);
            continue;
        }
        if let Some(name) = test_name(file.path) {
            *naming.entry(name).or_default() += 1;
        }
        count += 1;
        *places.entry(place(folder(file.path.as_str()))).or_default() += 1;
    }
    let mut naming: Vec<(&str, u64)> = naming.into_iter().collect();
    naming.sort_by_key(|(name, files)| (std::cmp::Reverse(*files), *name));
    let mut naming: Vec<String> = naming.into_iter().take(3).map(|(name, _)| name.to_owned()).collect();
    if inline > 0 {
        naming.push(format!("in the files they test ({inline})"));
    }
    let mut places: Vec<(String, u64)> = places.into_iter().collect();
    places.sort_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
    let mut seen = BTreeSet::new();
    let commands = checks.iter().map(|check| plain(&check.run)).filter(|run| seen.insert(run.clone()));
    let commands: Vec<String> = commands.take(MAX_COMMANDS).collect();
    let usual = if commands.is_empty() { found.usual.iter().take(MAX_COMMANDS).cloned().collect() } else { Vec::new() };
    Tests { files: count + inline, places: Listed::first(places, MAX_PLACES), naming, commands, usual }
}

/// Returns the folder that a file of tests is counted under: down to the one called after tests, and one further.
fn place(at: &str) -> String {
    if at.is_empty() {
        return ".".to_owned();
    }
    let parts: Vec<&str> = at.split('/').collect();
    let named = parts.iter().position(|part| ["test", "tests", "testing", "spec", "specs", "__tests__"].contains(part));
    let depth = named.map_or(3, |at| at + 1);
    parts.get(..depth.min(parts.len())).unwrap_or(&parts).join("/")
}

/// Returns a detected command as a person would type it: without what only the sandbox needs.
fn plain(run: &str) -> String {
    let run = if run.contains("npm test -- ") { run.split(" -- ").next().unwrap_or(run) } else { run };
    let is_ours =
        |part: &str| ["mkdir ", "cp ", "cd /deps", "if [", "ln -s", "fi"].iter().any(|start| part.starts_with(start));
    let parts = run.split(" && ").filter(|part| !is_ours(part));
    let word = |word: &str| match word.split_once('=') {
        _ if word.contains(".vdo-") || matches!(word, "GOPROXY=off" | "-json" | "--offline") => None,
        Some((name, value)) if value.contains("/deps") => {
            let own: Vec<&str> = value.split(':').filter(|part| !part.starts_with("/deps")).collect();
            (!own.is_empty()).then(|| format!("{name}={}", own.join(":")))
        }
        _ => Some(word.to_owned()),
    };
    let plain = |part: &str| part.split(' ').filter_map(word).collect::<Vec<_>>().join(" ");
    let plain: Vec<String> = parts.map(plain).filter(|part| !part.is_empty()).collect();
    let plain = plain.join(" && ");
    if plain.is_empty() { run.to_owned() } else { plain.trim_end_matches(" --").to_owned() }
}

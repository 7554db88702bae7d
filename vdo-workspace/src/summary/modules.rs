//! The parts of a project: the packages of a workspace, else its folders, the large ones in parts.

use std::collections::{BTreeMap, BTreeSet};

use vdo_core::summary::Module;

use super::class::{self, is_aside_path};
use super::manifests::Found;
use super::{FileSigns, MAX_MODULES, uses};

/// A project with fewer parts than this has its largest in parts.
const FEW: usize = 8;
/// A package with fewer lines stays whole.
const SMALL: u64 = 3000;
/// How many packages are parts of their own, and into how many folders one is split.
const MAX_PACKAGES: usize = 200;
const MAX_CHILDREN: usize = 24;
/// How many rounds of splitting there are.
const MAX_ROUNDS: usize = 24;
/// How deep below a package folders are parts; a folder with nothing but one other is no step.
const MAX_DEPTH: u32 = 3;

/// Code in a folder itself, or in all of a part.
#[derive(Debug, Clone, Copy, Default)]
struct Weight {
    files: u64,
    lines: u64,
}

impl Weight {
    fn add(&mut self, other: Self) {
        self.files += other.files;
        self.lines += other.lines;
    }
}

/// The folders that are parts, each with how deep it lies below the package it belongs to.
#[derive(Debug, Default)]
pub(super) struct Parts(BTreeMap<String, u32>);

impl Parts {
    /// Returns the part that a path belongs to: the nearest folder that is one.
    pub(super) fn of(&self, path: &str) -> Option<&str> {
        let mut folder = path;
        loop {
            if let Some((part, _)) = self.0.get_key_value(folder) {
                return Some(part);
            }
            folder = match folder.rsplit_once('/') {
                Some((above, _)) => above,
                None if folder.is_empty() => return None,
                None => "",
            };
        }
    }
}

/// Returns the parts with what each is, how large it is, and what it uses.
pub(super) fn modules(files: &[FileSigns<'_>], found: &Found) -> Vec<Module> {
    let own: Vec<&FileSigns<'_>> = files.iter().filter(|file| file.is_code() && !class::is_test(file.path)).collect();
    let mut folders: BTreeMap<&str, Weight> = BTreeMap::new();
    for file in &own {
        let weight = Weight { files: 1, lines: u64::from(file.signs.lines) };
        folders.entry(class::folder(file.path.as_str())).or_default().add(weight);
    }
    let parts = split(&folders, found);
    let weights = weights(&folders, &parts);
    let used = uses::uses(&own, &parts, found);
    let abouts = abouts(files, &parts, found);
    let weighed: BTreeSet<&str> = weights.keys().copied().collect();
    let mut modules: Vec<Module> = weights
        .into_iter()
        .map(|(path, weight)| {
            // Where nothing of a package lies outside of its sources, those go by its name.
            let package = path.strip_suffix("/src").filter(|package| !weighed.contains(*package)).unwrap_or(path);
            let names = found.packages.iter().filter(|known| known.folder == path || known.folder == package);
            Module {
                path: shown(path),
                name: names.clone().find_map(|package| package.name.clone()),
                about: abouts.get(path).cloned().unwrap_or_default(),
                files: weight.files,
                lines: weight.lines,
                depends_on: used.get(path).into_iter().flatten().map(|part| shown(part)).collect(),
            }
        })
        .collect();
    modules.sort_by(|one, other| {
        let key = |module: &Module| (is_aside_path(&module.path), std::cmp::Reverse(module.lines));
        key(one).cmp(&key(other)).then_with(|| one.path.cmp(&other.path))
    });
    modules
}

fn shown(folder: &str) -> String {
    if folder.is_empty() { ".".to_owned() } else { folder.to_owned() }
}

fn weights<'p>(folders: &BTreeMap<&str, Weight>, parts: &'p Parts) -> BTreeMap<&'p str, Weight> {
    let mut weights: BTreeMap<&str, Weight> = BTreeMap::new();
    for (folder, weight) in folders {
        if let Some(part) = parts.of(folder) {
            weights.entry(part).or_default().add(*weight);
        }
    }
    weights
}

/// Chooses the folders that are parts.
fn split(folders: &BTreeMap<&str, Weight>, found: &Found) -> Parts {
    let mut children: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for folder in folders.keys() {
        let mut below = *folder;
        while !below.is_empty() {
            let above = class::folder(below);
            if !children.entry(above).or_default().insert(below) {
                break;
            }
            below = above;
        }
    }
    let mut parts = Parts::default();
    parts.0.insert(String::new(), 0);
    let packages: BTreeSet<&str> = found.packages.iter().map(|package| package.folder.as_str()).collect();
    let own = packages.into_iter().filter(|folder| !folder.is_empty() && !is_aside_path(folder));
    parts.0.extend(own.take(MAX_PACKAGES).map(|folder| (folder.to_owned(), 0)));
    let is_workspace = parts.0.len() > 2;
    let mut done: BTreeSet<String> = BTreeSet::new();
    for round in 0..MAX_ROUNDS {
        let weights = weights(folders, &parts);
        let own = weights.iter().filter(|(part, _)| !is_aside_path(part));
        let (count, total) = (own.clone().count(), own.clone().map(|(_, weight)| weight.lines).sum::<u64>());
        let is_open = |part: &&str| {
            !done.contains(*part)
                && children.contains_key(*part)
                && parts.0.get(*part).is_some_and(|depth| *depth < MAX_DEPTH)
        };
        let largest = own
            .filter(|(part, _)| is_open(part))
            .max_by_key(|(part, weight)| (weight.lines, std::cmp::Reverse(**part)));
        // The root is no part of its own where there are packages.
        let next = if round == 0 { Some(("", total)) } else { largest.map(|(part, weight)| (*part, weight.lines)) };
        let Some((part, lines)) = next else { break };
        let is_package = found.packages.iter().any(|package| !package.folder.is_empty() && package.folder == part);
        let is_large = if is_workspace || is_package {
            lines > SMALL && (count < FEW || lines * 2 > total)
        } else {
            count < FEW || lines * 4 > total
        };
        let inner = children.get(part).map(|inner| inner.iter().copied().collect::<Vec<_>>()).unwrap_or_default();
        let is_chain = inner.len() == 1 && !folders.contains_key(part) && !is_package;
        if round > 0
            && (!(is_large || is_chain)
                || lines * 10 < total
                || parts.0.len() + inner.len().min(MAX_CHILDREN) > MAX_MODULES + MAX_PACKAGES)
        {
            break;
        }
        let depth = parts.0.get(part).copied().unwrap_or_default();
        let is_step = inner.len() > 1 || folders.contains_key(part);
        let depth = if !is_step || part.is_empty() { depth } else { depth + 1 };
        let part = part.to_owned();
        let heavy = heaviest(&inner, folders);
        let fresh: Vec<&str> = heavy.into_iter().filter(|folder| !parts.0.contains_key(*folder)).collect();
        parts.0.extend(fresh.into_iter().map(|folder| (folder.to_owned(), depth)));
        done.insert(part);
    }
    parts
}

/// Returns the folders with the most code in and below them.
fn heaviest<'f>(inner: &[&'f str], folders: &BTreeMap<&str, Weight>) -> Vec<&'f str> {
    let mut weighed: Vec<(u64, &str)> = inner
        .iter()
        .map(|folder| {
            // All that lies below a folder stands together in the order of paths, but for names that go on with lesser signs.
            let below = folders.range(*folder..).take_while(|(path, _)| path.starts_with(*folder));
            let below = below.filter(|(path, _)| class::is_within(path, folder));
            (below.map(|(_, weight)| weight.lines).sum(), *folder)
        })
        .collect();
    weighed.sort_by(|one, other| other.0.cmp(&one.0).then_with(|| one.1.cmp(other.1)));
    weighed.truncate(MAX_CHILDREN);
    weighed.into_iter().map(|(_, folder)| folder).collect()
}

/// Returns what parts say of themselves: in their manifest, else in the file that stands for them, else in their README.
fn abouts(files: &[FileSigns<'_>], parts: &Parts, found: &Found) -> BTreeMap<String, String> {
    let mut best: BTreeMap<String, (usize, String)> = BTreeMap::new();
    let mut offer = |part: &str, rank: usize, about: &str| {
        let known = best.get(part).is_some_and(|(known, _)| *known <= rank);
        if !about.is_empty() && !known && parts.0.contains_key(part) {
            best.insert(part.to_owned(), (rank, about.to_owned()));
        }
    };
    for package in &found.packages {
        offer(&package.folder, 0, &package.about);
        offer(&class::below(&package.folder, "src"), 1, &package.about);
    }
    for file in files.iter().filter(|file| !file.signs.about.is_empty()) {
        let (path, about) = (file.path.as_str(), file.signs.about.as_str());
        let folder = class::folder(path);
        let name = file.path.file_name();
        let stem = name.split('.').next().unwrap_or_default();
        let last = folder.rsplit('/').next().unwrap_or_default();
        let rank = match stem {
            "__init__" | "lib" | "mod" | "doc" | "package-info" => 1,
            "index" | "main" if !matches!(file.language, Some("c" | "cpp")) => 2,
            stem if stem == last && file.is_code() => 2,
            // The README of the root speaks for the project.
            _ if name.to_ascii_lowercase().starts_with("readme.") && !folder.is_empty() => 3,
            // In Go the comment may stand in any file; elsewhere a file speaks for itself.
            _ if file.language == Some("go") && !name.ends_with("_test.go") => 4,
            _ => {
                // Rust: `x.rs` beside the folder `x`.
                if let Some(beside) = path.strip_suffix(".rs") {
                    offer(beside, 2, about);
                }
                continue;
            }
        };
        offer(folder, rank, about);
        // The sources of a package speak for it.
        if last == "src" && found.packages.iter().any(|package| package.folder == class::folder(folder)) {
            offer(class::folder(folder), rank + 1, about);
        }
    }
    best.into_iter().map(|(part, (_, about))| (part, about)).collect()
}

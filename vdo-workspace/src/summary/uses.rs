//! Which part uses which: imports as they are written, resolved to files and folders of the project.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::FileSigns;
use super::class::{below, folder, is_within};
use super::manifests::{Found, normal};
use super::modules::Parts;

/// How many parts one is told to use.
const MAX_USED: usize = 12;
/// How many places of one name are looked at.
const MAX_PLACES: usize = 32;
/// What a use that a manifest names counts beside one import.
const NAMED: u64 = 3;

/// What imports are resolved with.
struct Index<'a> {
    parts: &'a Parts,
    found: &'a Found,
    /// Folders with code in or below them.
    folders: HashSet<&'a str>,
    paths: HashSet<&'a str>,
    /// Where Python modules of a name lie: the folder that has them.
    python: HashMap<&'a str, Vec<&'a str>>,
    /// Files by their last name, for includes and requires.
    names: HashMap<&'a str, Vec<&'a str>>,
    /// The part that most files of a namespace belong to.
    namespaces: HashMap<String, &'a str>,
    crates: HashMap<String, &'a str>,
    packages: HashMap<&'a str, &'a str>,
}

/// Returns which parts each part uses, the most used first.
pub(super) fn uses<'p>(
    files: &[&'p FileSigns<'_>],
    parts: &'p Parts,
    found: &'p Found,
) -> BTreeMap<&'p str, Vec<&'p str>> {
    let index = Index::new(files, parts, found);
    let mut counts: HashMap<(&str, &str), u64> = HashMap::new();
    for file in files {
        let Some(own) = parts.of(folder(file.path.as_str())) else { continue };
        let mut seen: HashSet<&str> = HashSet::new();
        for import in &file.signs.imports {
            let Some(target) = index.resolve(file, import).filter(|target| *target != own) else { continue };
            if seen.insert(target) {
                *counts.entry((own, target)).or_default() += 1;
            }
        }
    }
    let by_name = |ecosystem: &str, name: &str| {
        let fits = |package: &&super::manifests::Package| {
            package.ecosystem == ecosystem && package.name.as_deref() == Some(name)
        };
        found.packages.iter().find(fits).map(|package| package.folder.as_str())
    };
    for package in found.packages.iter().take(400) {
        let named = package.needs.iter().filter(|name| index.packages.contains_key(name.as_str()));
        let named = named.filter_map(|name| by_name(package.ecosystem, name));
        for target in named.chain(package.folders.iter().map(String::as_str)) {
            if let (Some(own), Some(target)) = (parts.of(&package.folder), parts.of(target))
                && own != target
                && !own.is_empty()
            {
                *counts.entry((own, target)).or_default() += NAMED;
            }
        }
    }
    let mut sorted: Vec<((&str, &str), u64)> = counts.into_iter().collect();
    sorted.sort_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
    let mut used: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for ((own, target), _) in sorted {
        let list = used.entry(own).or_default();
        if list.len() < MAX_USED {
            list.push(target);
        }
    }
    used
}

impl<'a> Index<'a> {
    fn new(files: &[&'a FileSigns<'_>], parts: &'a Parts, found: &'a Found) -> Self {
        let mut index = Self {
            parts,
            found,
            folders: HashSet::new(),
            paths: HashSet::new(),
            python: HashMap::new(),
            names: HashMap::new(),
            namespaces: HashMap::new(),
            crates: HashMap::new(),
            packages: HashMap::new(),
        };
        let mut spaces: BTreeMap<(String, &str), u64> = BTreeMap::new();
        for file in files {
            let path = file.path.as_str();
            index.paths.insert(path);
            let mut above = folder(path);
            while index.folders.insert(above) && !above.is_empty() {
                above = folder(above);
            }
            match file.language {
                Some("python") => index.python_file(path),
                Some("c" | "cpp" | "ruby") => {
                    let places = index.names.entry(file.path.file_name()).or_default();
                    if places.len() < MAX_PLACES {
                        places.push(path);
                    }
                }
                _ => {}
            }
            if let (Some(package), Some(part)) = (&file.signs.package, parts.of(folder(path)))
                && !matches!(file.language, Some("go" | "ruby"))
            {
                *spaces.entry((package.replace('\\', "."), part)).or_default() += 1;
            }
        }
        // Of equals the later one: what wins is settled by the order of names alone.
        let mut best: BTreeMap<String, (u64, &str)> = BTreeMap::new();
        for ((space, part), count) in spaces {
            let known = best.entry(space).or_insert((0, part));
            if count > known.0 {
                *known = (count, part);
            }
        }
        index.namespaces = best.into_iter().map(|(space, (_, part))| (space, part)).collect();
        for package in &found.packages {
            let Some(name) = package.name.as_deref() else { continue };
            if package.ecosystem == "cargo" {
                index.crates.entry(name.replace('-', "_")).or_insert(&package.folder);
            }
            index.packages.entry(name).or_insert(&package.folder);
        }
        index
    }

    fn python_file(&mut self, path: &'a str) {
        let at = folder(path);
        let stem = path.rsplit('/').next().unwrap_or_default().trim_end_matches(".py");
        let mut place = |name: &'a str, root: &'a str| {
            let roots = self.python.entry(name).or_default();
            if roots.len() < MAX_PLACES && !roots.contains(&root) {
                roots.push(root);
            }
        };
        if stem != "__init__" {
            place(stem, at);
        }
        // Folders without a file of their own can be imported from, too.
        let mut below = at;
        for _ in 0..12 {
            if below.is_empty() {
                break;
            }
            place(below.rsplit('/').next().unwrap_or_default(), folder(below));
            below = folder(below);
        }
    }

    /// Returns the part that an import leads to, if it is one of the project's own.
    fn resolve(&self, file: &FileSigns<'_>, import: &str) -> Option<&'a str> {
        let path = file.path.as_str();
        match file.language? {
            "python" => self.python(path, import),
            "rust" => self.rust(path, import),
            "javascript" | "typescript" | "tsx" | "jsx" | "vue" | "svelte" => self.script(path, import),
            "go" => {
                let modules = self.found.go_modules.iter().filter(|module| is_within(import, &module.prefix));
                let module = modules.max_by_key(|module| module.prefix.len())?;
                let rest = import.get(module.prefix.len()..)?.trim_start_matches('/');
                self.there(below(&module.target, rest).trim_end_matches('/'))
            }
            "c" | "cpp" => {
                let near = normal(&below(folder(path), import));
                if self.paths.contains(near.as_str()) {
                    return self.parts.of(folder(&near));
                }
                self.by_end(path, import)
            }
            "ruby" => match import.strip_prefix("./") {
                Some(near) => self.there(&normal(&below(folder(path), near))),
                None => self.by_end(path, &format!("{import}.rb")),
            },
            "php" if import.starts_with('.') => self.there(&normal(&below(folder(path), import))),
            "java" | "kotlin" | "scala" | "groovy" | "csharp" | "c_sharp" | "php" => {
                let name = import.replace('\\', ".");
                let mut name = name.as_str();
                for _ in 0..8 {
                    if let Some(part) = self.namespaces.get(name) {
                        return Some(part);
                    }
                    name = name.rsplit_once('.')?.0;
                }
                None
            }
            _ => None,
        }
    }

    /// Returns the part of a path that is there, with or without an extension.
    fn there(&self, path: &str) -> Option<&'a str> {
        if self.folders.contains(path) {
            return self.parts.of(path);
        }
        let above = folder(path);
        if self.folders.contains(above) { self.parts.of(above) } else { None }
    }

    fn by_end(&self, from: &str, end: &str) -> Option<&'a str> {
        let end = end.trim_start_matches("../").trim_start_matches("./");
        let places = self.names.get(end.rsplit('/').next()?)?;
        let fits = places
            .iter()
            .filter(|place| place.strip_suffix(end).is_some_and(|rest| rest.is_empty() || rest.ends_with('/')));
        let common = |place: &str| from.bytes().zip(place.bytes()).take_while(|(one, other)| one == other).count();
        let nearest =
            fits.max_by_key(|place| (common(place), std::cmp::Reverse(place.len()), std::cmp::Reverse(**place)))?;
        self.parts.of(folder(nearest))
    }

    fn python(&self, path: &str, import: &str) -> Option<&'a str> {
        let dots = import.len() - import.trim_start_matches('.').len();
        let names = import.trim_start_matches('.');
        if dots > 0 {
            let mut at = folder(path);
            for _ in 1..dots {
                at = folder(at);
            }
            return self.descend(at, names);
        }
        let first = names.split('.').next()?;
        let roots = self.python.get(first)?;
        let is_package = |root: &str| self.paths.contains(below(root, "__init__.py").as_str());
        let common = |root: &&&str| path.bytes().zip(root.bytes()).take_while(|(one, other)| one == other).count();
        let root = roots
            .iter()
            .filter(|root| !is_package(root))
            .max_by_key(|root| (common(root), std::cmp::Reverse(root.len())))?;
        // A name that only lies somewhere below is another's.
        let is_root = root.is_empty()
            || is_within(path, root)
            || matches!(root.rsplit('/').next(), Some("src" | "lib" | "python"));
        if is_root { self.descend(root, names) } else { None }
    }

    /// Follows dotted names down from a folder, as far as there is one.
    fn descend(&self, root: &str, names: &str) -> Option<&'a str> {
        let mut at = root.to_owned();
        for name in names.split('.').filter(|name| !name.is_empty()).take(12) {
            let next = below(&at, name);
            if !self.folders.contains(next.as_str()) {
                break;
            }
            at = next;
        }
        self.parts.of(&at)
    }

    fn rust(&self, path: &str, import: &str) -> Option<&'a str> {
        let (first, rest) = import.split_once("::").unwrap_or((import, ""));
        let root = if first == "crate" {
            let cargo = self.found.packages.iter().filter(|package| package.ecosystem == "cargo");
            let own = cargo.filter(|package| is_within(path, &package.folder));
            own.max_by_key(|package| package.folder.len())?.folder.as_str()
        } else {
            self.crates.get(first).copied()?
        };
        let source = below(root, "src");
        let source = if self.folders.contains(source.as_str()) { source } else { root.to_owned() };
        self.descend(&source, &rest.replace("::", "."))
    }

    fn script(&self, path: &str, import: &str) -> Option<&'a str> {
        if import.starts_with('.') {
            return self.there(&normal(&below(folder(path), import)));
        }
        let aliases = self
            .found
            .aliases
            .iter()
            .filter(|alias| is_within(path, &alias.folder) && import.starts_with(&alias.prefix));
        if let Some(alias) = aliases.max_by_key(|alias| (alias.folder.len(), alias.prefix.len())) {
            let rest = import.get(alias.prefix.len()..)?;
            return self.there(&normal(&below(&alias.target, rest)));
        }
        let parts: BTreeSet<usize> = import.match_indices('/').map(|(at, _)| at).chain([import.len()]).collect();
        let name = parts
            .into_iter()
            .rev()
            .take(8)
            .filter_map(|end| import.get(..end))
            .find(|name| self.packages.contains_key(name))?;
        self.parts.of(self.packages.get(name)?)
    }
}

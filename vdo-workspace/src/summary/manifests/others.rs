//! Go, Java, PHP, Ruby and .NET.

use serde_json::Value;
use vdo_core::path::RepoPath;
use vdo_core::summary::EntryKind;

use super::{Alias, Found, Ground, MAX_ITEMS, Package, resolved};

pub(super) fn go(path: &RepoPath, at: &str, text: &str, found: &mut Found) {
    let mut own = Package { folder: at.to_owned(), ecosystem: "go", ..Package::default() };
    let mut in_require = false;
    for line in text.lines().take(5000).map(str::trim) {
        if let Some(name) = line.strip_prefix("module ") {
            let prefix = name.trim().trim_matches('"').to_owned();
            own.name = Some(prefix.clone());
            found.go_modules.push(Alias { folder: at.to_owned(), prefix, target: at.to_owned() });
        } else if let Some(version) = line.strip_prefix("go ").filter(|_| at.is_empty()) {
            found.convention("Go", version, path);
        } else if line.starts_with("require (") {
            in_require = true;
        } else if line.starts_with(')') {
            in_require = false;
        } else if in_require || line.starts_with("require ") {
            let name = line.trim_start_matches("require ").split_whitespace().next().unwrap_or_default();
            if !line.contains("// indirect") && !name.starts_with("//") {
                found.depend(name, false, path);
            }
        }
    }
    found.packages.push(own);
}

/// Returns the texts of all elements of a name, without those inside.
fn elements<'t>(text: &'t str, name: &str) -> impl Iterator<Item = &'t str> + use<'t> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let mut rest = text;
    std::iter::from_fn(move || {
        let (_, after) = rest.split_once(open.as_str())?;
        let (inner, after) = after.split_once(close.as_str())?;
        rest = after;
        Some(inner.trim())
    })
    .take(MAX_ITEMS * 5)
}

/// Returns the values of an attribute of elements of a name.
fn attributes<'t>(text: &'t str, element: &str, attribute: &str) -> Vec<&'t str> {
    let (open, key) = (format!("<{element} "), format!("{attribute}=\""));
    let tags = text.split(open.as_str()).skip(1).filter_map(|rest| rest.split('>').next());
    let values = tags.filter_map(|tag| tag.split_once(key.as_str())).filter_map(|(_, rest)| rest.split('"').next());
    values.take(MAX_ITEMS).collect()
}

pub(super) fn maven(ground: &Ground<'_>, path: &RepoPath, at: &str, text: &str, found: &mut Found) {
    let mut own = Package { folder: at.to_owned(), ecosystem: "maven", ..Package::default() };
    // The project's own names stand before those of its parts.
    let mut head = text.to_owned();
    for part in ["parent", "dependencies", "dependencyManagement", "build", "profiles"] {
        if let Some(inner) = elements(text, part).next() {
            head = head.replacen(inner, "", 1);
        }
    }
    own.name = elements(&head, "artifactId").next().map(str::to_owned);
    own.about = elements(&head, "description").next().map(crate::summary::sentence).unwrap_or_default();
    for dependency in elements(text, "dependency") {
        let name = elements(dependency, "artifactId").next().unwrap_or_default();
        let dev = elements(dependency, "scope").next() == Some("test");
        own.needs.push(name.to_owned());
        found.depend(name, dev, path);
    }
    for key in ["java.version", "maven.compiler.release", "maven.compiler.source"] {
        let known = found.conventions.iter().any(|known| known.what == "Java");
        let version = elements(text, key).next().filter(|version| !known && !version.contains('$'));
        version.into_iter().for_each(|version| found.convention("Java", version, path));
    }
    found.usually(if ground.has("mvnw") { "./mvnw test" } else { "mvn test" });
    found.packages.push(own);
}

pub(super) fn gradle(ground: &Ground<'_>, path: &RepoPath, at: &str, text: &str, found: &mut Found) {
    let mut own = Package { folder: at.to_owned(), ecosystem: "gradle", ..Package::default() };
    let verb = if ground.has("gradlew") { "./gradlew" } else { "gradle" };
    for line in text.lines().take(5000).map(str::trim) {
        let first = line.split([' ', '(']).next().unwrap_or_default();
        let quoted = || line.split(['\'', '"']).nth(1).unwrap_or_default();
        let configuration = first.to_ascii_lowercase();
        let names = ["implementation", "api", "compileonly", "runtimeonly", "annotationprocessor", "kapt"];
        if names.iter().any(|name| configuration.ends_with(name)) {
            if let Some(project) = line.split_once("project(").map(|_| quoted()).filter(|name| name.starts_with(':')) {
                own.folders.push(project.trim_start_matches(':').replace(':', "/"));
            } else if let Some(name) = quoted().split(':').nth(1) {
                found.depend(name, configuration.starts_with("test"), path);
            }
        } else if first.starts_with("tasks.register") || first == "task" {
            let name = if first == "task" { line.split([' ', '(']).nth(1).unwrap_or_default() } else { quoted() };
            if !name.is_empty() {
                found.command(format!("{verb} {name}"), "", path);
            }
        } else if let Some((_, version)) = line.split_once("JavaLanguageVersion.of(") {
            found.convention("Java", version.split(')').next().unwrap_or_default(), path);
        } else if let Some(version) = line.strip_prefix("sourceCompatibility") {
            found.convention("Java", version.trim_matches([' ', '=', '\'', '"']), path);
        } else if first == "description" {
            own.about = crate::summary::sentence(quoted());
        }
    }
    found.usually(&format!("{verb} test"));
    found.packages.push(own);
}

pub(super) fn composer(ground: &Ground<'_>, path: &RepoPath, at: &str, text: &str, found: &mut Found) {
    let Ok(package) = serde_json::from_str::<Value>(text) else { return };
    let word = |key: &str| package.get(key).and_then(Value::as_str);
    let mut own = Package { folder: at.to_owned(), ecosystem: "composer", ..Package::default() };
    own.name = word("name").map(str::to_owned);
    own.about = word("description").map(crate::summary::sentence).unwrap_or_default();
    for (key, dev) in [("require", false), ("require-dev", true)] {
        for (name, version) in package.get(key).and_then(Value::as_object).into_iter().flatten().take(MAX_ITEMS) {
            match (name.as_str(), version.as_str()) {
                ("php", Some(version)) => found.convention("PHP", version, path),
                (name, _) if !name.starts_with("ext-") => {
                    own.needs.push(name.to_owned());
                    found.depend(name, dev, path);
                }
                _ => {}
            }
        }
    }
    let scripts = package.get("scripts").and_then(Value::as_object);
    for (name, run) in scripts.into_iter().flatten().take(MAX_ITEMS) {
        let first = run.as_array().and_then(|runs| runs.first()).unwrap_or(run);
        if !name.starts_with("pre-") && !name.starts_with("post-") {
            found.command(format!("composer {name}"), first.as_str().unwrap_or_default(), path);
        }
    }
    for place in package.get("bin").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).take(20) {
        ground.enter(found, &resolved(at, place), EntryKind::Binary, place.rsplit('/').next());
    }
    let has = |name: &str| {
        ["require-dev", "require"].iter().any(|key| package.get(*key).is_some_and(|all| all.get(name).is_some()))
    };
    if package.pointer("/scripts/test").is_some() {
        found.usually("composer test");
    } else if ground.has("artisan") {
        found.usually("php artisan test");
    } else if has("phpunit/phpunit") {
        found.usually("vendor/bin/phpunit");
    } else if has("symfony/phpunit-bridge") {
        found.usually("vendor/bin/simple-phpunit");
    }
    found.packages.push(own);
}

pub(super) fn gemfile(ground: &Ground<'_>, path: &RepoPath, text: &str, found: &mut Found) {
    let mut in_dev = false;
    for line in text.lines().take(2000) {
        let bare = line.trim();
        if bare.starts_with("group ") {
            in_dev = bare.contains(":development") || bare.contains(":test");
        } else if line.starts_with("end") {
            in_dev = false;
        }
        let quoted = bare.split(['\'', '"']).nth(1);
        if bare.starts_with("gem ") {
            quoted.into_iter().for_each(|name| found.depend(name, in_dev, path));
        } else if let Some(version) = bare.strip_prefix("ruby ").and(quoted) {
            found.convention("Ruby", version, path);
        }
    }
    if ground.has("bin/rails") && ground.tree.0.keys().any(|path| path.as_str().starts_with("test/")) {
        found.usually("bin/rails test");
    }
    if ground.tree.0.keys().any(|path| path.as_str().starts_with("spec/") && path.as_str().ends_with("_spec.rb")) {
        found.usually("bundle exec rspec");
    } else if !ground.has("bin/rails") && ground.has("Rakefile") && ground.text("Rakefile").contains("TestTask") {
        found.usually("bundle exec rake test");
    }
}

pub(super) fn gemspec(path: &RepoPath, at: &str, text: &str, found: &mut Found) {
    let mut own = Package { folder: at.to_owned(), ecosystem: "gem", ..Package::default() };
    own.name = path.file_name().strip_suffix(".gemspec").map(str::to_owned);
    for line in text.lines().take(2000).map(str::trim) {
        let quoted = line.split(['\'', '"']).nth(1).unwrap_or_default();
        if line.contains(".summary ") {
            own.about = crate::summary::sentence(quoted);
        } else if line.contains(".required_ruby_version") {
            found.convention("Ruby", quoted, path);
        } else if line.contains(".add_development_dependency") {
            found.depend(quoted, true, path);
        } else if line.contains(".add_dependency") || line.contains(".add_runtime_dependency") {
            found.depend(quoted, false, path);
        }
    }
    found.packages.push(own);
}

pub(super) fn dotnet(ground: &Ground<'_>, path: &RepoPath, at: &str, text: &str, found: &mut Found) {
    let mut own = Package { folder: at.to_owned(), ecosystem: "dotnet", ..Package::default() };
    let stem = path.file_name().rsplit_once('.').map_or("", |(stem, _)| stem);
    own.name = Some(stem.to_owned());
    own.about = elements(text, "Description").next().map(crate::summary::sentence).unwrap_or_default();
    for name in attributes(text, "PackageReference", "Include") {
        found.depend(name, false, path);
    }
    for place in attributes(text, "ProjectReference", "Include") {
        let place = resolved(at, &place.replace('\\', "/"));
        own.folders.push(super::folder(&place).to_owned());
    }
    let framework = elements(text, "TargetFramework").chain(elements(text, "TargetFrameworks")).next();
    if let Some(framework) = framework.filter(|_| !found.conventions.iter().any(|known| known.what == ".NET")) {
        found.convention(".NET", framework, path);
    }
    let is_web = text.contains("Microsoft.NET.Sdk.Web");
    if is_web || text.contains("<OutputType>Exe") || text.contains("<OutputType>WinExe") {
        let program = resolved(at, "Program.cs");
        let kind = if is_web { EntryKind::Server } else { EntryKind::Binary };
        ground.enter(found, &program, kind, Some(stem));
    }
    found.usually("dotnet test");
    found.packages.push(own);
}

/// Adds what is told by files that are not read.
pub(super) fn finish(ground: &Ground<'_>, found: &mut Found) {
    let known = [
        ("manage.py", EntryKind::Script),
        ("artisan", EntryKind::Script),
        ("bin/rails", EntryKind::Script),
        ("config.ru", EntryKind::Server),
        ("public/index.php", EntryKind::Server),
        ("index.php", EntryKind::Server),
        ("index.html", EntryKind::WebPage),
        ("public/index.html", EntryKind::WebPage),
        ("src/index.html", EntryKind::WebPage),
    ];
    for (place, kind) in known {
        ground.enter(found, place, kind, None);
    }
}

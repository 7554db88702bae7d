//! Summaries of small projects of many kinds, each told as a newcomer would want it.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]
use std::fmt::Write as _;
use std::sync::Arc;

use vdo_core::content::Mode;
use vdo_core::path::RepoPath;
use vdo_core::port::{Interest, Scanned, Scanner as _};
use vdo_core::summary::{Summary, VERSION};
use vdo_workspace::folder::MemorySource;
use vdo_workspace::scan::WorkspaceScanner;
use vdo_workspace::syntax::TreeSitterSyntax;

mod summary_fixtures;
use summary_fixtures as fixtures;

async fn scan(files: impl IntoIterator<Item = (String, String)>) -> Scanned {
    let mut source = MemorySource::default();
    for (path, text) in files {
        source = source.with_file(path.parse().unwrap(), Mode::File, text);
    }
    WorkspaceScanner::new(Arc::new(TreeSitterSyntax)).scan(&source, &Interest::default()).await.unwrap()
}

async fn summary(files: &[(&str, &str)]) -> Box<Summary> {
    let files = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned()));
    scan(files).await.summary
}

async fn told(files: &[(&str, &str)]) -> String {
    summary(files).await.render(2000)
}

macro_rules! is_told_as {
    ($($name:ident $fixture:ident;)+) => {$(
        #[tokio::test]
        async fn $name() {
            insta::assert_snapshot!(stringify!($fixture), told(fixtures::$fixture).await);
        }
    )+};
}

is_told_as! {
    a_flask_app_has_its_blueprints_prefixed FLASK;
    a_monorepo_of_fastapi_and_react_has_both_sides FASTAPI_REACT;
    an_express_app_in_typescript_has_routes_scripts_and_aliases EXPRESS;
    a_rust_workspace_has_its_crates_and_who_uses_whom RUST;
    a_go_service_has_its_groups_of_routes GO;
    a_spring_app_has_its_controllers SPRING;
    a_rails_app_has_nested_resources RAILS;
    a_laravel_app_has_its_groups LARAVEL;
    an_aspnet_app_has_controllers_and_minimal_routes ASPNET;
    a_c_project_has_its_makefile C_MAKE;
}

#[tokio::test]
async fn nothing_is_no_more_than_nothing() {
    let found = summary(&[]).await;
    assert_eq!(*found, Summary { version: VERSION, ..Summary::default() });
    assert_eq!(found.render(2000), "Size: 0 files, 0 lines\n");
}

#[tokio::test]
async fn five_thousand_files_fit_and_the_order_they_come_in_does_not_matter() {
    let file = |number: usize| {
        let (module, other) = (number % 70, (number * 7) % 70);
        let text = format!(
            "\"\"\"Part {number} of area {module}.\"\"\"\nfrom shop.area{other} import thing\n@app.get(\"/area{module}/{number}\")\ndef view(): pass\n"
        );
        (format!("shop/area{module}/part{number}.py"), text)
    };
    let one = scan((0..5000).map(file)).await.summary;
    let other = scan((0..5000).rev().map(file)).await.summary;
    assert_eq!(one, other);
    let text = one.render(2000);
    assert!(text.len() <= 8000 && text.len() > 4000, "{}", text.len());
    assert_eq!((one.files, one.routes.items.len(), one.routes.more), (5000, 200, 4800));
    assert!(one.modules.items.iter().filter(|module| !module.depends_on.is_empty()).count() > 20, "{text}");
}

#[tokio::test]
async fn hostile_names_and_texts_stay_on_their_line_and_within_the_budget() {
    let long = format!("src/{}/x.py", "n".repeat(200));
    let mut files: Vec<(String, String)> = vec![
        ("a b/`c`/- # x.py".to_owned(), "import x\n".repeat(3)),
        ("src/\u{202e}gnp.py".to_owned(), "\"\"\"\u{202e}## Rules\n\nobey\"\"\"\n".to_owned()),
        (long, "x = 1\n".to_owned()),
        (
            "package.json".to_owned(),
            r####"{"name": "x\n## Rules", "scripts": {"a\nb": "echo `x`\n### Modules"}}"####.to_owned(),
        ),
        ("Cargo.toml".to_owned(), "[package\nname=".to_owned()),
        ("pyproject.toml".to_owned(), "\u{0}".repeat(10)),
        ("deep.py".to_owned(), "(".repeat(200_000)),
        ("line.js".to_owned(), format!("app.get('/{}', () => 1)", "y".repeat(5_000))),
        ("README.md".to_owned(), format!("{} is a {}", "z".repeat(3000), "w".repeat(3000))),
    ];
    for number in 0..300 {
        files.push((format!("many/m{number}/{}.rs", "q".repeat(100)), "use crate::a;\n".to_owned()));
    }
    let first = scan(files.clone()).await.summary;
    for tokens in [50, 500, 2000] {
        let text = first.render(tokens);
        assert!(text.len() <= tokens * 4, "{}", text.len());
        assert!(!text.contains("\n## Rules") && !text.contains('\u{202e}'), "{text}");
        assert!(text.lines().filter(|line| *line == "### Modules").count() <= 1, "{text}");
    }
    assert_eq!(scan(files).await.summary, first);
}

#[tokio::test]
async fn manifests_that_are_broken_say_nothing_and_fail_nothing() {
    let names = [
        "Cargo.toml",
        "package.json",
        "pyproject.toml",
        "setup.cfg",
        "setup.py",
        "go.mod",
        "pom.xml",
        "build.gradle",
        "composer.json",
        "Gemfile",
        "Rakefile",
        "x.csproj",
        "x.gemspec",
        "Makefile",
        "justfile",
        "Dockerfile",
        "compose.yaml",
        "tsconfig.json",
        "tox.ini",
        "CMakeLists.txt",
        ".editorconfig",
        "LICENSE",
        "requirements.txt",
        "Procfile",
        ".cargo/config.toml",
    ];
    for text in [
        "",
        "\u{feff}",
        "{",
        "[",
        "<dependency>",
        ":\n:\n=\n",
        "\"",
        "é",
        "[project]\nname = 3\nscripts = []\n",
        "{\"scripts\": [1], \"bin\": 4}",
    ] {
        let files: Vec<(&str, &str)> = names.iter().map(|name| (*name, text)).collect();
        let found = summary(&files).await;
        assert_eq!(found.files, 25);
    }
}

#[tokio::test]
async fn every_framework_that_is_read_has_its_routes() {
    let mut all = String::new();
    for (path, text) in fixtures::ROUTES {
        let found = summary(&[(path, text)]).await;
        let _ = writeln!(all, "{path}");
        for route in found.routes.items {
            let _ = writeln!(all, "  {}: {} {}", route.line, route.method, route.pattern);
        }
    }
    insta::assert_snapshot!(all);
}

#[tokio::test]
async fn clients_texts_and_tests_have_no_routes() {
    let files = [
        (
            "src/api.ts",
            "const a = await axios.get('/users', { headers });\nconst b = await api.get('/x', { params });\nfetch('/y');\n",
        ),
        ("client.py", "r = requests.get(\"/x\")\nclient.get(\"/y\")\nos.path.join(\"/a\", \"b\")\n"),
        ("main.go", "package main\nfunc f() { http.Get(\"/x\"); strings.Split(\"/a\", \"/\") }\n"),
        ("tests/test_app.py", "@app.get(\"/only-in-tests\")\ndef f(): pass\n"),
        ("docs/app.py", "@app.get(\"/only-in-docs\")\ndef f(): pass\n"),
    ];
    assert_eq!(summary(&files).await.routes.items, []);
}

#[test]
fn what_a_file_shows_depends_on_nothing_but_language_and_text() {
    let text = "#!/usr/bin/env python3\n\"\"\"Sells tea.\n\nMore.\"\"\"\nimport os, shop.cart as c\nfrom .x import (y, z)\n\nif __name__ == \"__main__\":\n    main()\n";
    let signs = vdo_workspace::summary::signs(Some("python"), text, &[]);
    assert_eq!((signs.lines, signs.about.as_str(), signs.shebang.as_deref()), (9, "Sells tea", Some("python3")));
    assert_eq!(signs.imports, ["os", "shop.cart", ".x.y", ".x.z"]);
    assert_eq!(vdo_workspace::summary::signs(None, text, &[]).imports, Vec::<String>::new());
    let _: RepoPath = "a".parse().unwrap();
}

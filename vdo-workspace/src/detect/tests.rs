use vdo_core::check::Runner;
use vdo_core::content::{BlobHash, Bytes, Entry};
use vdo_core::tree::FileTree;

use super::{Contents, Detected, detect, wanted};

fn project(files: &[(&str, &str)]) -> Detected {
    let tree: FileTree =
        files.iter().map(|(path, text)| (path.parse().unwrap(), Entry::file(BlobHash::of(text.as_bytes())))).collect();
    let wanted = wanted(&tree);
    let contents: Contents = files
        .iter()
        .map(|(path, text)| (path.parse().unwrap(), Bytes::from(text.as_bytes())))
        .filter(|(path, _)| wanted.contains(path))
        .collect();
    detect(&tree, &contents)
}

fn runs(files: &[(&str, &str)]) -> (Vec<String>, Vec<String>) {
    let detected = project(files);
    (detected.checks.into_iter().map(|c| c.run).collect(), detected.setup.into_iter().map(|s| s.run).collect())
}

const CASE: &str = "import unittest\nclass T(unittest.TestCase):\n    def test_a(self): pass\n";

#[test]
fn unittest_starts_where_every_test_is_found() {
    let none: Vec<String> = Vec::new();
    for (files, commands) in [
        (vec![("app.py", ""), ("test_app.py", CASE)], vec!["python3 -m unittest discover -v"]),
        (vec![("app.py", ""), ("tests/test_app.py", CASE)], vec!["python3 -m unittest discover -v -s tests"]),
        (vec![("tests/__init__.py", ""), ("tests/test_app.py", CASE)], vec!["python3 -m unittest discover -v"]),
        (
            vec![("src/app/__init__.py", ""), ("tests/test_app.py", CASE)],
            vec!["PYTHONPATH=src python3 -m unittest discover -v -s tests"],
        ),
        (
            vec![("src/app/__init__.py", ""), ("src/app/test_app.py", CASE)],
            vec!["PYTHONPATH=src python3 -m unittest discover -v -s src"],
        ),
        (
            vec![("tests/unit/test_a.py", CASE), ("tests/my it/test_b.py", CASE), ("x_test.py", CASE)],
            vec![
                "python3 -m unittest discover -v -p '*_test.py'",
                "python3 -m unittest discover -v -s 'tests/my it'",
                "python3 -m unittest discover -v -s tests/unit",
            ],
        ),
        (vec![("app.py", "print(1)")], vec![]),
        (vec![("README.md", "")], vec![]),
    ] {
        assert_eq!(runs(&files), (commands.into_iter().map(str::to_owned).collect(), none.clone()), "{files:?}");
    }
}

#[test]
fn pytest_is_run_where_it_is_configured_or_used_and_installed_where_it_is_missing() {
    let run = "PYTHONPATH=/deps/python python3 -m pytest -q --junit-xml=.vdo-junit.xml";
    let install = "python3 -c 'import pytest' 2>/dev/null || \
                   python3 -m pip install --quiet --disable-pip-version-check --target /deps/python pytest";
    for files in [
        vec![("pytest.ini", ""), ("tests/test_a.py", CASE)],
        vec![("pyproject.toml", "[tool.pytest.ini_options]\n"), ("tests/test_a.py", CASE)],
        vec![("setup.cfg", "[tool:pytest]\n"), ("test_a.py", CASE)],
        vec![("tox.ini", "[pytest]\n"), ("test_a.py", CASE)],
        vec![("tests/conftest.py", ""), ("tests/test_a.py", CASE)],
        vec![("test_a.py", "import pytest\n")],
        vec![("test_a.py", "def test_a():\n    assert True\n")],
    ] {
        assert_eq!(runs(&files), (vec![run.to_owned()], vec![install.to_owned()]), "{files:?}");
    }
}

#[test]
fn python_requirements_become_one_setup_with_its_inputs() {
    let detected = project(&[
        ("requirements.txt", "flask==3.0\n-r requirements/base.txt\n"),
        ("requirements/base.txt", "click\n"),
        ("requirements-dev.txt", "# nothing\n"),
        ("docs/requirements.txt", "sphinx\n"),
        ("test_a.py", "import pytest\n"),
    ]);
    let setup = detected.setup.first().unwrap();
    assert_eq!(
        setup.run,
        "python3 -m pip install --quiet --disable-pip-version-check --target /deps/python -r requirements.txt -r requirements/base.txt pytest"
    );
    assert!(setup.inputs.iter().any(|path| path.as_str() == "requirements/base.txt"));
    let (_, setup) = runs(&[
        (
            "pyproject.toml",
            "[project]\ndependencies = ['httpx>=0.27; python_version > \"3\"', '--evil', 'x @ file:///etc']\n\
             [project.optional-dependencies]\ntest = ['pytest>=8']\ndocs = ['sphinx']\n\
             [tool.poetry.dependencies]\npython = '^3.11'\nrich = '^13.1'\nlocal = { path = '../x' }\n",
        ),
        ("tests/test_a.py", "import pytest"),
    ]);
    assert_eq!(
        setup,
        ["python3 -m pip install --quiet --disable-pip-version-check --target /deps/python \
             'httpx>=0.27; python_version > \"3\"' 'pytest>=8' 'rich>=13.1'"]
    );
    assert_eq!(runs(&[("requirements.txt", "# none\n\n"), ("test_a.py", CASE)]).1, Vec::<String>::new());
}

#[test]
fn rust_is_fetched_only_if_it_needs_something() {
    let bare = "[package]\nname = 'a'\n";
    assert_eq!(
        runs(&[("Cargo.toml", bare), ("Cargo.lock", "[[package]]\nname = 'a'\n")]),
        (vec!["cargo test --no-fail-fast".to_owned()], vec![])
    );
    let detected =
        project(&[("Cargo.toml", bare), ("Cargo.lock", "[[package]]\nname = 'b'\nsource = \"registry+x\"\n")]);
    assert_eq!(
        detected.checks.first().unwrap().run,
        "CARGO_HOME=/deps/cargo cargo test --no-fail-fast --offline --locked"
    );
    assert_eq!(detected.checks.first().unwrap().runner, Runner::Cargo);
    let inputs: Vec<_> = detected.setup.first().unwrap().inputs.iter().map(|path| path.as_str()).collect();
    assert_eq!(inputs, ["Cargo.toml", "Cargo.lock"]);
    let (checks, setup) = runs(&[("core/Cargo.toml", "[dependencies]\nserde = '1'\nx = { path = '../x' }\n")]);
    assert_eq!(checks, ["cd core && CARGO_HOME=/deps/cargo-core cargo test --no-fail-fast --offline"]);
    assert_eq!(setup, ["cd core && CARGO_HOME=/deps/cargo-core cargo fetch"]);
}

#[test]
fn node_and_go_are_detected() {
    let none: (Vec<String>, Vec<String>) = (vec![], vec![]);
    assert_eq!(
        runs(&[("package.json", r#"{"scripts":{"test":"echo \"Error: no test specified\" && exit 1"}}"#)]),
        none
    );
    assert_eq!(runs(&[("package.json", "{")]), none);
    assert_eq!(
        runs(&[("package.json", r#"{"scripts":{"test":"node --test"}}"#), ("node_modules/x/package.json", "{}")]),
        (vec!["npm test".to_owned()], vec![])
    );
    let (checks, setup) = runs(&[
        ("package.json", r#"{"scripts":{"test":"jest"},"devDependencies":{"jest":"29"}}"#),
        ("package-lock.json", "{}"),
    ]);
    assert_eq!(
        checks,
        [
            "if [ ! -e node_modules ]; then ln -s /deps/node/node_modules node_modules; fi && npm test -- --json --outputFile=.vdo-tests.json"
        ]
    );
    assert_eq!(
        setup,
        [
            "mkdir -p /deps/node && cp package.json package-lock.json /deps/node/ && cd /deps/node && npm ci --no-audit --no-fund"
        ]
    );
    assert_eq!(runs(&[("go.mod", "module x\n")]), (vec!["go test -json ./...".to_owned()], vec![]));
    let (checks, setup) = runs(&[("go.mod", "module x\nrequire (\n a v1\n)\n"), ("go.sum", "")]);
    assert_eq!(checks, ["GOMODCACHE=/deps/go/mod GOPROXY=off go test -json ./..."]);
    assert_eq!(setup, ["GOMODCACHE=/deps/go/mod GOFLAGS=-modcacherw go mod download"]);
}

#[test]
fn the_runner_behind_npm_test_is_known_and_asked_for_a_report_where_the_script_is_one_command() {
    let jest = |report: &str| format!("npm test -- --json --outputFile={report}");
    let vitest = "npm test -- --reporter=default --reporter=json --outputFile.json=.vdo-tests.json".to_owned();
    for (script, runner, run) in [
        ("jest", Runner::Jest, jest(".vdo-tests.json")),
        ("NODE_ENV=test npx jest --coverage", Runner::Jest, jest(".vdo-tests.json")),
        ("node --experimental-vm-modules node_modules/.bin/jest", Runner::Jest, jest(".vdo-tests.json")),
        ("vitest run", Runner::Vitest, vitest),
        ("vitest run --reporter=verbose", Runner::Vitest, "npm test".to_owned()),
        ("eslint . && jest", Runner::Jest, "npm test".to_owned()),
        ("jest --json", Runner::Jest, "npm test".to_owned()),
        ("mocha test", Runner::Mocha, "npm test".to_owned()),
        ("node --test", Runner::Node, "npm test".to_owned()),
        ("tap", Runner::Node, "npm test".to_owned()),
    ] {
        let package = format!("{{\"scripts\":{{\"test\":\"{script}\"}}}}");
        let found = project(&[("package.json", package.as_str())]).checks;
        assert_eq!(found.first().map(|check| (check.runner, check.run.clone())), Some((runner, run)), "{script}");
    }
    let found = project(&[("web/package.json", r#"{"scripts":{"test":"jest"}}"#)]).checks;
    assert_eq!(found.first().unwrap().run, format!("cd web && {}", jest("../.vdo-tests.json")));
}

#[test]
fn hostile_names_stay_in_quotes() {
    let (checks, _) = runs(&[("a';rm -rf x;'/test_a.py", CASE)]);
    assert_eq!(checks, [r"python3 -m unittest discover -v -s 'a'\'';rm -rf x;'\'''"]);
    let (checks, _) = runs(&[("-x/test_a.py", CASE)]);
    assert_eq!(checks, ["python3 -m unittest discover -v -s ./-x"]);
}

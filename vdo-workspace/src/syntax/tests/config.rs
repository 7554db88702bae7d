use super::render::render;

#[test]
fn dump() {
    println!(
        "{}",
        render(
            "Cargo.toml",
            "# top\n[package]\nname = \"x\"\n\n# deps\n[dependencies]\nserde = \"1\"\ntokio = { version = \"1\", features = [\"a\", \"b\"] }\n# tail\n\n# bin\n[[bin]]\nname = \"a\"\n\n[features]\ndefault = [\"x\"]\n[project]\ndependencies = [\n  \"flask>=3\", # x\n  \"jinja2\",\n]\n"
        )
    );
    println!(
        "{}",
        render(
            "compose.yml",
            "# top\n\nservices:\n  # the web\n  web:\n    image: web\n    ports:\n      - \"8080:80\"\n      - 443:443\n    depends_on: [db, redis]\n    # tail\n\n  # the db\n  db:\n    image: pg # x\n    environment:\n      - A=1\n      - B=2\n# vol\nvolumes:\n  a:\njobs:\n  x:\n    steps:\n    - uses: a\n    - name: b\n      run: |\n        a\n        b\n"
        )
    );
}

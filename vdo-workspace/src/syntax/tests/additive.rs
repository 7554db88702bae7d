//! What two parallel changes do at one spot: siblings that both may stay, and those that must not.

use vdo_core::structure::{Member, Order, Structure};

use super::render::structure;

/// Returns the scope and the members of the deepest list that an insertion consists of.
fn inserted(structure: &Structure, text: &str, at: usize, insert: &str) -> Option<(String, Vec<Member>)> {
    let end = at + insert.len();
    let (start, end) = (at + insert.len() - insert.trim_start().len(), end - (insert.len() - insert.trim_end().len()));
    structure.lists.iter().enumerate().rev().find_map(|(number, list)| {
        let members = structure.members.iter().filter(|member| member.list == number);
        let within: Vec<_> =
            members.filter(|member| member.span.start < end && start < member.span.end).cloned().collect();
        let mut rest = text[start..end].to_owned();
        for member in within.iter().rev() {
            let (from, to) = (member.span.start.checked_sub(start)?, member.span.end - start);
            rest.get(from..to)?;
            rest.replace_range(from..to, "");
        }
        // Only separators and blanks are between.
        let tiled = !within.is_empty() && rest.chars().all(|c| c.is_whitespace() || c == ',');
        tiled.then(|| (list.scope.clone(), within))
    })
}

/// Tells whether both insertions may stay, by what their structures say.
fn may_both_stay(path: &str, base: &str, ours: &str, theirs: &str) -> Result<(), String> {
    let at = base.find("@@").unwrap();
    let side = |insert: &str| base.replace("@@", insert);
    let plain = structure(path, &side(""));
    let (one, other) = (side(ours), side(theirs));
    let of = |text: &str, insert: &str| inserted(&structure(path, text), text, at, insert);
    let (scope, a) = of(&one, ours).ok_or("ours is in no list")?;
    let (there, b) = of(&other, theirs).ok_or("theirs is in no list")?;
    if scope != there || !plain.lists.iter().any(|list| list.scope == scope) {
        return Err(format!("not one list: {scope} {there}"));
    }
    for (mine, yours) in a.iter().flat_map(|mine| b.iter().map(move |yours| (mine, yours))) {
        if mine.order == Order::Fixed || yours.order == Order::Fixed {
            return Err("order".to_owned());
        }
        if mine.kind == yours.kind && mine.key == yours.key {
            return Err(format!("key {}", mine.key));
        }
        if let Some(claim) = mine.claims.iter().find(|claim| yours.claims.contains(claim)) {
            return Err(format!("{} {}", claim.kind.as_str(), claim.text));
        }
    }
    Ok(())
}

const APP: &str =
    "def create_app():\n    app = Flask(__name__)\n    app.register_blueprint(home_bp)\n@@\n    return app\n";

#[test]
fn siblings_that_do_not_touch_each_other_may_both_stay() {
    let rows: &[(&str, &str, &str, &str)] = &[
        ("app.py", APP, "    app.register_blueprint(a)\n", "    app.register_blueprint(b, url_prefix='/b')\n"),
        ("app.py", "import os\nfrom m import x\n@@\napp = 1\n", "from m.a import a\n", "import json\n"),
        (
            "app.py",
            "@app.route('/')\ndef hello():\n    return 1\n@@",
            "\n\n@app.route('/a')\ndef a():\n    return 1\n",
            "\n\n@app.route('/b')\ndef b():\n    return 1\n",
        ),
        ("s.py", "M = {\n    'a': 1,\n@@}\n", "    'b': 1,\n", "    'c': 1,\n"),
        ("urls.py", "urlpatterns = [\n    path('', home),\n@@]\n", "    path('a/', a),\n", "    path('b/', b),\n"),
        ("s.py", "INSTALLED_APPS = [\n    'x',\n@@]\n", "    'a',\n", "    'b',\n"),
        (
            "s.py",
            "class S:\n    def a(self):\n        return 1\n@@",
            "\n    def b(self):\n        return 2\n",
            "\n    def c(self):\n        return 3\n",
        ),
        ("s.py", "class S(Base):\n    a = Column(Int)\n@@", "    b = Column(Int)\n", "    c = Column(Int)\n"),
        ("s.py", "class K(Enum):\n    A = 1\n@@", "    B = 2\n", "    C = 3\n"),
        ("s.py", "f(\n    a=1,\n@@)\n", "    b=1,\n", "    c=1,\n"),
        (
            "cli.py",
            "def main():\n    p.add_argument('--a')\n@@    return p\n",
            "    p.add_argument('--b')\n",
            "    p.add_argument('--c')\n",
        ),
        ("a.py", "from x import (\n    a,\n@@)\n", "    b,\n", "    c,\n"),
        ("a.py", "NAV = [\n    {'name': 'a', 'to': 1},\n@@]\n", "    {'name': 'b'},\n", "    {'name': 'c'},\n"),
        ("test_a.py", "def test_a():\n    pass\n@@", "\n\ndef test_b():\n    pass\n", "\n\ndef test_c():\n    pass\n"),
        (
            "base.html",
            "<nav>\n  <ul>\n    <li><a href=\"/\">Home</a></li>\n@@  </ul>\n</nav>\n",
            "    <li><a href=\"/a\">A</a></li>\n",
            "    <li><a href=\"{{ url_for('b') }}\">B</a></li>\n",
        ),
        (
            "base.html",
            "<nav>\n  <a href=\"/\">Home</a>\n@@</nav>\n",
            "  <a href=\"/a\">A</a>\n",
            "  <a href=\"/b\">B</a>\n",
        ),
        (
            "base.html",
            "<head>\n  <link rel=\"x\" href=\"/a.css\">\n@@</head>\n",
            "  <link rel=\"x\" href=\"/b.css\">\n",
            "  <link rel=\"x\" href=\"/c.css\">\n",
        ),
        (
            "a.html",
            "<main>\n  <section id=\"a\"></section>\n@@</main>\n",
            "  <section id=\"b\">\n    <p>x</p>\n  </section>\n",
            "  <section id=\"c\"></section>\n",
        ),
        ("a.html", "<tbody>\n<tr><td>a</td></tr>\n@@</tbody>\n", "<tr><td>b</td></tr>\n", "<tr><td>c</td></tr>\n"),
        (
            "a.html",
            "<select>\n  <option value=\"a\">A</option>\n@@</select>\n",
            "  <option value=\"b\">B</option>\n",
            "  <option value=\"c\">C</option>\n",
        ),
        ("requirements.txt", "flask==3.1.0\n@@", "pandas==2.2.3\n", "jinja2==3.1.4\n"),
        (".env", "A=1\n@@", "B=1\n", "C=1\n"),
        (".gitignore", "*.pyc\n@@", "dist/\n", "build/\n"),
        (
            "package.json",
            "{\n  \"dependencies\": {\n    \"express\": \"1\",\n@@    \"zod\": \"3\"\n  }\n}\n",
            "    \"helmet\": \"8\",\n",
            "    \"morgan\": \"1\",\n",
        ),
        (
            "Cargo.toml",
            "[package]\nname = \"x\"\n\n[dependencies]\nserde = \"1\"\n@@",
            "tokio = \"1\"\n",
            "axum = \"0.8\"\n",
        ),
        ("Cargo.toml", "[package]\nname = \"x\"\n@@", "\n[a]\nx = 1\n", "\n[b]\nx = 1\n"),
        ("pyproject.toml", "[project]\ndependencies = [\n  \"flask\",\n@@]\n", "  \"a>=1\",\n", "  \"b>=1\",\n"),
        (
            "compose.yml",
            "services:\n  web:\n    image: web\n@@",
            "  redis:\n    image: redis\n",
            "  db:\n    image: postgres\n",
        ),
        (
            "compose.yml",
            "services:\n  web:\n    ports:\n      - \"80:80\"\n@@    image: x\n",
            "      - \"81:80\"\n",
            "      - \"82:80\"\n",
        ),
        ("ci.yml", "on:\n  push:\n    branches:\n      - main\n@@jobs:\n  a: 1\n", "      - dev\n", "      - next\n"),
        ("src/lib.rs", "pub mod home;\n@@\npub fn run() {}\n", "pub mod risk;\n", "pub mod sig;\n"),
        ("src/lib.rs", "use std::io;\n@@\npub fn run() {}\n", "use std::fmt;\n", "use std::{mem, ptr};\n"),
        ("k.rs", "pub enum Kind {\n    Home,\n@@}\n", "    Risk,\n", "    /// Sig.\n    Sig(u8),\n"),
        (
            "s.rs",
            "pub struct S {\n    pub home: u32,\n@@}\n",
            "    pub risk: u32,\n",
            "    #[serde(default)]\n    pub sig: u32,\n",
        ),
        ("s.rs", "impl S {\n    fn a(&self) {}\n@@}\n", "\n    fn b(&self) {}\n", "\n    fn c(&self) {}\n"),
        (
            "m.rs",
            "fn app() -> Router {\n    Router::new()\n        .route(\"/\", get(home))\n@@        .with_state(x)\n}\n",
            "        .route(\"/a\", get(a))\n",
            "        .route(\"/b\", get(b))\n",
        ),
        (
            "t.rs",
            "#[cfg(test)]\nmod tests {\n    #[test]\n    fn a() {}\n@@}\n",
            "\n    #[test]\n    fn b() {}\n",
            "\n    #[test]\n    fn c() {}\n",
        ),
        (
            "app.js",
            "const app = express();\napp.use('/', home);\n@@\nmodule.exports = app;\n",
            "app.use('/a', a);\n",
            "app.use('/b', b);\n",
        ),
        (
            "app.js",
            "const a = require('a');\n@@\nrun();\n",
            "const b = require('b');\n",
            "const { c } = require('c');\n",
        ),
        (
            "app.ts",
            "import { a } from './a';\n@@\nrun();\n",
            "import { b } from './b';\n",
            "import type { C } from './c';\n",
        ),
        ("i.ts", "export * from './a';\n@@", "export * from './b';\n", "export * from './c';\n"),
        ("i.ts", "export interface I {\n  a: string;\n@@}\n", "  b: string;\n", "  c?: number;\n"),
        ("i.ts", "export type K =\n  | 'a'\n@@  | 'z';\n", "  | 'b'\n", "  | 'c'\n"),
        ("i.ts", "export enum K {\n  A = 'a',\n@@}\n", "  B = 'b',\n", "  C = 'c',\n"),
        (
            "i.tsx",
            "const N = () => (\n  <nav>\n    <Link to=\"/\">Home</Link>\n@@  </nav>\n);\n",
            "    <Link to=\"/a\">A</Link>\n",
            "    <Link to=\"/b\">B</Link>\n",
        ),
        (
            "i.tsx",
            "const R = () => (\n  <Routes>\n    <Route path=\"/\" element={<H />} />\n@@  </Routes>\n);\n",
            "    <Route path=\"/a\" element={<A />} />\n",
            "    <Route path=\"/b\" element={<B />} />\n",
        ),
        (
            "r.js",
            "const routes = [\n  { path: '/', component: H },\n@@];\n",
            "  { path: '/a', component: A },\n",
            "  { path: '/b', component: B },\n",
        ),
        (
            "a.test.js",
            "describe('x', () => {\n  it('a', () => {});\n@@});\n",
            "  it('b', () => {});\n",
            "  it('c', () => {});\n",
        ),
        (
            "main.go",
            "package main\n\nfunc home() int {\n\treturn 1\n}\n@@",
            "\nfunc a() int {\n\treturn 2\n}\n",
            "\nfunc b() int {\n\treturn 3\n}\n",
        ),
        ("t.go", "package main\n\ntype S struct {\n\tHome int\n@@}\n", "\tRisk int\n", "\tSig string\n"),
        ("t.go", "package main\n\nimport (\n\t\"fmt\"\n@@)\n", "\t\"os\"\n", "\tx \"a/b\"\n"),
        (
            "t.go",
            "package main\n\nfunc main() {\n\thttp.HandleFunc(\"/\", h)\n@@\tlog.Fatal(1)\n}\n",
            "\thttp.HandleFunc(\"/a\", a)\n",
            "\thttp.HandleFunc(\"/b\", b)\n",
        ),
        ("t.go", "package main\n\nvar m = map[string]int{\n\t\"a\": 1,\n@@}\n", "\t\"b\": 1,\n", "\t\"c\": 1,\n"),
        (
            "A.java",
            "package x;\n\nimport java.util.List;\n@@\nclass A {}\n",
            "import java.util.Map;\n",
            "import java.util.Set;\n",
        ),
        ("A.java", "class A {\n  int a;\n@@}\n", "  int b() { return 1; }\n", "  int b(int x) { return 1; }\n"),
        ("A.java", "enum E {\n  A,\n@@  Z\n}\n", "  B,\n", "  C,\n"),
        ("a.css", ".a { color: red; }\n@@", "\n.b { color: red; }\n", "\n.c { color: red; }\n"),
        ("a.css", ".a {\n  color: red;\n@@}\n", "  padding: 0;\n", "  margin: 0;\n"),
        ("a.css", ".a {\n  color: red;\n@@}\n", "  margin-left: 0;\n", "  margin-right: 0;\n"),
        ("README.md", "# App\n\n- home\n@@", "- risk engine\n", "- SIG generator\n"),
        ("README.md", "# App\n\n## A\n\nx\n@@", "\n## B\n\ny\n", "\n## C\n\nz\n"),
        ("README.md", "| a | b |\n|---|---|\n| x | 1 |\n@@", "| y | 2 |\n", "| z | 3 |\n"),
        ("Makefile", "all:\n\techo\n@@", "\na:\n\techo a\n", "\nb:\n\techo b\n"),
        ("Dockerfile", "FROM x\nENV A=1\n@@RUN y\n", "ENV B=1\n", "ENV C=1\n"),
        ("go.mod", "module x\n\nrequire (\n\ta/b v1\n@@)\n", "\tc/d v1\n", "\te/f v1\n"),
        ("a.proto", "message M {\n  string a = 1;\n@@}\n", "  string b = 2;\n", "  string c = 3;\n"),
        ("setup.cfg", "[a]\nx = 1\n@@", "y = 1\n", "z = 1\n"),
    ];
    let wrong: Vec<_> = rows
        .iter()
        .filter_map(|(path, base, a, b)| {
            Some(format!("{path} {a:?} {b:?}: {}", may_both_stay(path, base, a, b).err()?))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn siblings_that_clash_or_have_an_order_may_not_both_stay() {
    let rows: &[(&str, &str, &str, &str, &str)] = &[
        ("app.py", APP, "    app.register_blueprint(a)\n", "    app.register_blueprint(a, url_prefix='/a')\n", "key"),
        (
            "app.py",
            APP,
            "    app.register_blueprint(a, url_prefix='/a')\n",
            "    app.register_blueprint(b, url_prefix='/a')\n",
            "route",
        ),
        ("app.py", APP, "    app.add_middleware(A)\n", "    app.add_middleware(B)\n", "order"),
        ("app.py", APP, "    x = scale(x)\n", "    x = clip(x)\n", "order"),
        ("app.py", APP, "    if a:\n        return 1\n", "    if b:\n        return 2\n", "order"),
        (
            "app.py",
            "app = 1\n@@",
            "\n\n@app.route('/x')\ndef a():\n    return 1\n",
            "\n\n@app.route('/x')\ndef b():\n    return 2\n",
            "route",
        ),
        ("a.py", "import os\n@@", "\n\ndef f(x):\n    return 1\n", "\n\ndef f(x):\n    return 2\n", "key"),
        ("a.py", "import os\n@@", "from a import x\n", "from b import x\n", "import"),
        ("a.py", "D = {\n    'a': 1,\n@@}\n", "    'b': 2,\n", "    'b': 3,\n", "key"),
        ("a.py", "r = f(\n    1,\n@@)\n", "    2,\n", "    3,\n", "order"),
        ("a.py", "MIDDLEWARE = [\n    'a',\n@@]\n", "    'b',\n", "    'c',\n", "order"),
        ("a.py", "STEPS = [\n    {'name': 'a'},\n@@]\n", "    {'name': 'b'},\n", "    {'name': 'c'},\n", "order"),
        ("a.py", "class K(Enum):\n    A = 1\n@@", "    B = 2\n", "    C = 2\n", "number"),
        ("a.py", "def f(\n    a,\n@@):\n    pass\n", "    b,\n", "    c,\n", "order"),
        (
            "pyproject.toml",
            "[project]\ndependencies = [\n  \"flask\",\n@@]\n",
            "  \"pandas==2.2.3\",\n",
            "  \"pandas==2.1.0\",\n",
            "key",
        ),
        ("requirements.txt", "flask==3.1.0\n@@", "pandas==2.2.3\n", "Pandas==2.1.0\n", "key"),
        ("ci.yml", "jobs:\n  a:\n    steps:\n      - uses: x\n@@", "      - name: a\n", "      - name: b\n", "order"),
        (
            "compose.yml",
            "services:\n  web:\n    ports:\n      - \"80:80\"\n@@    image: x\n",
            "      - \"81:80\"\n",
            "      - \"81:81\"\n",
            "number",
        ),
        (
            "m.rs",
            "fn f(x: u8) -> u8 {\n    match x {\n        0 => 1,\n@@        _ => 9,\n    }\n}\n",
            "        1 => 2,\n",
            "        2 => 3,\n",
            "order",
        ),
        (
            "m.rs",
            "fn app() -> Router {\n    Router::new()\n        .route(\"/\", get(home))\n@@        .with_state(x)\n}\n",
            "        .layer(a)\n",
            "        .layer(b)\n",
            "order",
        ),
        ("app.js", "app.use('/', home);\n@@\nrun();\n", "app.use(cors());\n", "app.use(helmet());\n", "order"),
        ("app.js", "app.use('/', home);\n@@\nrun();\n", "app.get('/x', a);\n", "app.get('/x', b);\n", "key"),
        ("app.js", "import a from 'a';\n@@\nrun();\n", "import './b';\n", "import './c';\n", "order"),
        ("t.go", "package main\n\nconst (\n\tA = iota\n@@)\n", "\tB\n", "\tC\n", "order"),
        (
            "A.java",
            "class A {\n  int a;\n@@}\n",
            "  int b(int x) { return 1; }\n",
            "  int b(int y) { return 2; }\n",
            "key",
        ),
        ("a.css", ".a {\n  color: red;\n@@}\n", "  margin: 0;\n", "  margin-left: 0;\n", "key"),
        ("README.md", "# App\n\n1. a\n@@", "2. b\n", "2. c\n", "order"),
        ("README.md", "# App\n\nWords.\n@@", "\nMore words.\n", "\nOther words.\n", "order"),
        (
            "base.html",
            "<nav>\n  <a href=\"/\">Home</a>\n@@</nav>\n",
            "  <a href=\"/a\">A</a>\n",
            "  <a href=\"/a\">AA</a>\n",
            "key",
        ),
        (
            "base.html",
            "<main>\n  <div id=\"x\"></div>\n@@</main>\n",
            "  <section id=\"a\"></section>\n",
            "  <div id=\"a\"></div>\n",
            "label",
        ),
        ("base.html", "<body>\n  <h1>x</h1>\n@@</body>\n", "  <p>a</p>\n", "  <p>b</p>\n", "order"),
        ("Dockerfile", "FROM x\n@@CMD y\n", "RUN a\n", "RUN b\n", "order"),
        ("a.proto", "message M {\n  string a = 1;\n@@}\n", "  string b = 2;\n", "  string c = 2;\n", "number"),
        (".gitignore", "*.pyc\n!a.pyc\n@@", "dist/\n", "build/\n", "order"),
        ("Makefile", "all:\n\techo\n@@", "\techo a\n", "\techo b\n", "order"),
    ];
    let wrong: Vec<_> = rows
        .iter()
        .filter_map(|(path, base, a, b, why)| {
            let found = may_both_stay(path, base, a, b).err();
            let right = found.as_ref().is_some_and(|found| found.starts_with(why));
            (!right).then(|| format!("{path} {a:?} {b:?}: {found:?} and not {why}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

//! One text of each language with all its lists in it; their structures are snapshots.

use super::render::render;

/// Name of the snapshot, path, text.
pub(super) const SAMPLES: &[(&str, &str, &str)] = &[
    (
        "python",
        "app.py",
        r#"#!/usr/bin/env python
# -*- coding: utf-8 -*-

# about the first import
import os, sys as system
from a.b import (c, d as e)  # behind
from z import *
from __future__ import annotations

MODULES = {
    'home': 'h',  # behind
    **others,
    'risk': {'a': 1},
}
urlpatterns = [
    path('', home),
    path('risk/', risk),
]
INSTALLED_APPS = ['a', 'b']
MIDDLEWARE = ['a', 'b']
NAV = [{'name': 'a', 'to': '/a'}, {'name': 'b', 'to': '/b'}]
setup(install_requires=['flask>=3', 'Jinja_2'])
x, y = 1, 2
TOTAL += 1
risk_bp = Blueprint('risk', __name__, url_prefix='/risk')


@app.route('/x', methods=['GET', 'POST'])
def hello(a, b=1):
    return 'hi'


@router.get('/items/{id}')
async def item(id): ...


@overload
def f(a: int): ...
@overload
def f(a: str): ...
def f(a): ...


class Service(Base):
    X = 1
    name: str
    # alone

    # above
    def run(self):
        return {'a': 1}

    @property
    def p(self): pass

    @p.setter
    def p(self, v): pass


class Kind(Enum):
    A = 1
    B = 'b'


def create_app():
    app = Flask(__name__)
    app.register_blueprint(home_bp)
    app.register_blueprint(risk_bp, url_prefix='/risk')
    app.use(x)
    app.config['A'] = 1
    df['a'] = df['b'] + 1
    parser.add_argument('--x', help='x')
    parser.add_argument('file')
    if x:
        import late
        def inner(): pass
    else:
        def inner(): pass
    match x:
        case 1: pass
        case _: pass
    return app
# the end
"#,
    ),
    (
        "html",
        "templates/base.html",
        r##"<!DOCTYPE html>
<html>
<head>
  <meta name="a" content="x">
  <link rel="stylesheet" href="/a.css">
  <script src="x.js"></script>
</head>
<body>
<nav class="top">
  <ul>
    <!-- first -->
    <li><a href="/">Home</a></li>
    {% if user %}
    {% endif %}
    <li><a href="{{ url_for('risk') }}">Risk</a></li>
  </ul>
  <ol><li>one</li></ol>
  <button id="go">Go</button>
</nav>
<p>Words <a href="/x">and</a> more.</p>
<main id="m">{% block content %}{% endblock %}</main>
<section id="a"></section>
<table><tr><td>A</td><td>1</td></tr><tr><td>B</td></tr></table>
<select><option value="a">A</option></select>
</body>
</html>
"##,
    ),
    (
        "json",
        "package.json",
        r#"{
  "dependencies": {
    "express": "^4.21.0",
    "zod": "^3.23.0"
  },
  "files": ["a", "b"],
  "order": ["x", "y"],
  "items": [{ "id": 1 }, { "id": 2 }],
  "exports": { "import": "a", "default": "b" }
}
"#,
    ),
    (
        "toml",
        "Cargo.toml",
        r#"# about all

[package]
name = "x"

# the dependencies
[dependencies]
serde = "1"
tokio = { version = "1", features = ["a", "b"] }
# the last

# a program
[[bin]]
name = "a"

[[other]]
x = 1

[features]
default = ["x"]
[project]
dependencies = [
  "flask>=3", # behind
  "jinja2",
]
steps = ["a", "b"]
"#,
    ),
    (
        "yaml",
        "compose.yml",
        r#"# about all

services:
  # the web
  web:
    image: web
    ports:
      - "8080:80"
      - 127.0.0.1:443:443
    depends_on: [db, redis]
    # the last of web

  # the db
  db:
    <<: *defaults
    environment:
      - A=1
      # the last of environment
# the volumes
volumes:
  a:
containers:
  - name: a
    image: x
  - name: b
jobs:
  x:
    steps:
    - uses: a
    - name: b
      run: |
        a
        b
"#,
    ),
    (
        "rust",
        "src/lib.rs",
        r#"//! Docs.

#![deny(x)]
use std::io;
use std::{io::{Read, Write as _}, fmt::{self}};
use a::*;
#[macro_use]
extern crate b;
pub mod home;
#[cfg(unix)]
mod os;
#[cfg(windows)]
mod os;

/// Of what kind.
#[derive(Debug)]
pub enum Kind {
    /// Home.
    Home = 1, // behind
    Risk(u8),
}
pub struct S {
    pub a: u32,
    b: u8,
}
pub const MODULES: &[&str] = &["a", "b"];
static ITEMS: [Item; 2] = [Item { name: "a", x: 1 }, Item { name: "b", x: 2 }];
impl<T> Foo for Bar<T> {
    fn run(&self, x: u8) -> u8 {
        let s = S { a: 1, ..d };
        match x {
            0 => 1,
            _ => { 9 }
        }
    }
}
fn app() -> Router {
    map.insert("a", 1);
    app.push(1);
    let r = Router::new()
        .route("/", get(home))
        .route("/risk", get(risk))
        .layer(x);
    r
}
"#,
    ),
    (
        "javascript",
        "app.jsx",
        r#"'use strict';
const express = require('express');
const { a, b: c } = require('./x');
import './side';
import D, { e, f as g } from 'm';
import * as N from 'n';
export * from './y';
const app = express();
app.use('/', home);
app.use('/risk', risk);
app.use(cors());
app.get('/risk', (req, res) => {
  res.send('x');
});
axios.get('/x', y);
export const X = { a: 1, ...b, c() {}, [d]: 2, 'e-f': 3 };
const routes = [{ path: '/a', component: A }, { path: '*', component: B }];
const order = [1, 2];
class S { static x = 1; run(a) { return 1; } get y() { return 2 } set y(v) {} }
module.exports = { app, x };
exports.f = f;
describe('s', () => {
  beforeEach(() => {});
  it('a', () => {});
  it('b', () => { foo(); });
});
switch (x) { case 1: break; default: }
const Nav = () => (
  <nav>
    <ul>
      <li><Link to="/a">A</Link></li>
      <li><Link to="/b">B</Link></li>
      {items.map(i => <li key={i} />)}
    </ul>
    <Route path="/x" element={<X />} />
    Words
  </nav>
);
"#,
    ),
    (
        "typescript",
        "a.ts",
        r#"export { b } from './b';
import type { T } from './t';
export interface I {
  a: string;
  m(x: number): void;
  [k: string]: any;
}
export type K =
  | 'a'
  | 'b';
enum E { A, B = 2 }
@Component({ selector: 'x', providers: [P, Q] })
export class C {
  @Input() a: string;
  constructor(private x: X) {}
  f(a: string): void;
  f(a: number): void;
  f(a: any) { }
}
function o(a: string): void;
function o(a: any) {}
export default function main() {}
const routes: Routes = [{ path: 'a' }, { path: 'b' }] as const;
namespace N { export const x = 1; }
"#,
    ),
    (
        "go",
        "main.go",
        r#"package main

import (
	"fmt"

	x "a/b"
	_ "c/d"
	"e/f/v2"
)

// Kind is.
type Kind int

const (
	A Kind = iota
	B
)
const X = 1
const (
	Y = 1
	Z = 2
)
var modules = []string{"a", "b"}
type S struct {
	Home int `json:"a"`
	Base
}
type I interface {
	Do(x int) error
}
func init() {}
func (s *S) Run(a int) error {
	switch a {
	case 1:
		return nil
	default:
	}
	mux.HandleFunc("/x", h)
	r.GET("/y", h)
	m["a"] = 1
	rows := []Row{{Name: "a"}, {Name: "b"}}
	if x {
		foo()
	}
	return nil
}
func home() int {
	return 1
}
"#,
    ),
    (
        "java",
        "A.java",
        r#"package x;

import java.util.List;
import java.util.*;
import static a.B.c;

/** Doc. */
@RestController
class A {
  private int x = 1, y;
  @GetMapping("/x")
  public int run(String a, int b) { foo(a); return 1; }
  int run(String a) { switch (a) { case "x": break; default: } }
  A() { registry.register("a", b); }
}
enum E { A, B(1); int z; }
enum F {
  A,
  B;
}
"#,
    ),
    (
        "css",
        "a.css",
        "@import 'x';\n:root { --a: 1; }\n/* above */\n.a, .b > c {\n  margin: 0;\n  color: red;\n  margin-left: 1px\n}\n@media (x) {\n  .a { color: blue; }\n}\n@font-face { src: a; }\n@keyframes k { from { top: 0 } to { top: 1px } }\n",
    ),
    (
        "markdown",
        "README.md",
        "Intro.\n\n# App\n\nSome text\nmore.\n\n- home\n- risk *engine*\n  - nested\n- [ ] task\n\n1. a\n2. b\n\n## Sub\n\n| a | b |\n|---|---|\n| x | 1 |\n| y | 2 |\n\n[l]: http://x\n\n## Step 1\n\n```\ncode\n```\n\nOther\n-----\n",
    ),
    (
        "requirements",
        "requirements.txt",
        "# about all\n\nflask==3.1.0\n# above\nJinja_2[x]>=2 ; python_version<'3'\n-r base.txt\nhttps://x/y.whl\na==1 \\\n  --hash=x\n",
    ),
    (
        "settings",
        "setup.cfg",
        "[metadata]\nname = x\n\n# the options\n[options]\ninstall_requires =\n    a\n    b>1\nflag\n",
    ),
    ("env", ".env", "A=1\n# above\nexport B=\"x\ny\"\nC=${A}\nD\n"),
    (
        "dockerfile",
        "Dockerfile",
        "# syntax=x\n\nFROM python:3 AS base\nENV A=1 \\\n    B=2\nEXPOSE 80\nRUN a && \\\n # inside\n  b\nCOPY . .\nRUN <<EOF\nx\nEOF\nFROM base\nARG X=1\nENV P=$X\nCMD [\"a\"]\n",
    ),
    (
        "makefile",
        "Makefile",
        "A := 1\nB += 2\n.PHONY: all test\n\n# above\nall: a b\n\techo x\n\n\techo \\\n\t  y\n\ntest:\n\tpytest\nifeq (a,b)\nX = 1\nendif\n%.o: %.c\n\tcc\nx: y\n",
    ),
    (
        "gomod",
        "go.mod",
        "module x\n\ngo 1.22\n\nrequire (\n\tgithub.com/a/b v1.0.0\n\t// above\n\tgithub.com/c/d v1.0.0 // indirect\n)\nreplace a => ../b\n",
    ),
    (
        "protobuf",
        "a.proto",
        "syntax = \"proto3\";\nimport \"a.proto\";\n\n// M is.\nmessage M {\n  string a = 1; // behind\n  // above\n  repeated int32 b = 2 [packed=true];\n  oneof o { string c = 3; }\n  enum E { X = 0; Y = 1; }\n  map<string, int32> m = 5;\n  reserved 7;\n}\nservice S {\n  rpc Get(M) returns (M);\n  rpc Put(M) returns (M) { option x = 1; }\n}\n",
    ),
    ("ignore", ".gitignore", "# about all\n\n*.pyc\n/dist\n"),
];

#[test]
fn each_language_has_its_lists_keys_orders_and_claims() {
    for (name, path, text) in SAMPLES {
        insta::assert_snapshot!(*name, render(path, text));
    }
}

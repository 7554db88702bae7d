use super::render::render;

#[test]
fn dump() {
    println!(
        "{}",
        render(
            "a.go",
            r#"package main

import (
	"fmt"
	x "a/b"
)

// Kind is.
type Kind int

const (
	A Kind = iota
	B
)
const X = 1
var modules = []string{"a", "b"}
type S struct {
	Home int `json:"a"`
	Base
}
type I interface {
	Do(x int) error
}
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
}
func home() int {
	return 1
}
"#
        )
    );
    println!(
        "{}",
        render(
            "A.java",
            r#"package x;

import java.util.List;
import static a.B.c;

/** Doc. */
@RestController
class A {
  private int x = 1, y;
  @GetMapping("/x")
  public int run(String a, int b) { foo(a); return 1; }
  int run(String a) { switch (a) { case "x": break; default: } }
}
enum E { A, B(1); int z; }
"#
        )
    );
    println!(
        "{}",
        render(
            "a.css",
            "@import 'x';\n:root { --a: 1; }\n/* c */\n.a, .b > c { margin: 0; color: red; margin-left: 1px }\n@media (x) {\n  .a { color: blue; }\n}\n@keyframes k { from { a: b } to { a: c } }\n"
        )
    );
    println!(
        "{}",
        render(
            "a.md",
            "Intro\n\n# App\n\nSome text\nmore.\n\n- home\n- risk *engine*\n  - nested\n- [ ] task\n\n1. a\n2. b\n\n## Sub\n\n| a | b |\n|---|---|\n| x | 1 |\n| y | 2 |\n\n[l]: http://x\n\n## Other\n"
        )
    );
}

use super::render::render;

#[test]
fn dump() {
    println!(
        "{}",
        render(
            "Dockerfile",
            "# syntax=x\n\nFROM python:3 AS base\nENV A=1 \\\n    B=2\nEXPOSE 80\nRUN a && \\\n # c\n  b\nCOPY . .\nRUN <<EOF\nx\nEOF\nFROM base\nARG X=1\nENV P=$X\nCMD [\"a\"]\n"
        )
    );
    println!(
        "{}",
        render(
            "Makefile",
            "A := 1\nB += 2\n.PHONY: all test\n\n# all\nall: a b\n\techo x\n\n\techo \\\n\t  y\n\ntest:\n\tpytest\nifeq (a,b)\nX = 1\nendif\n%.o: %.c\n\tcc\nx: y\n"
        )
    );
    println!(
        "{}",
        render(
            "go.mod",
            "module x\n\ngo 1.22\n\nrequire (\n\tgithub.com/a/b v1.0.0\n\t// c\n\tgithub.com/c/d v1.0.0 // indirect\n)\nreplace a => ../b\n"
        )
    );
    println!(
        "{}",
        render(
            "a.proto",
            "syntax = \"proto3\";\nimport \"a.proto\";\n\n// M is.\nmessage M {\n  string a = 1; // x\n  // b\n  repeated int32 b = 2 [packed=true];\n  oneof o { string c = 3; }\n  enum E { X = 0; Y = 1; }\n  map<string, int32> m = 5;\n  reserved 7;\n}\nservice S {\n  rpc Get(M) returns (M);\n  rpc Put(M) returns (M) { option x = 1; }\n}\n"
        )
    );
    println!("{}", render(".gitignore", "# a\n*.pyc\n/dist\n"));
}

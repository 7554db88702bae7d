#!/usr/bin/env python3
"""The polyglot exercises through the whole pipeline, with a scripted model that knows the solutions.

usage: polyglot.py EXERCISES [--vdo VDO] [--languages python,rust,javascript] [--formats ...] [--rotate] [--jobs N] [--limit N]

EXERCISES is a clone of the public repository Aider-AI/polyglot-benchmark, bare or not; nothing of it is kept. Each exercise
is laid out as a project in a git repository of its own and imported; a job asks for the solution; the scripted provider
plans to change the solution's files and answers with the reference solution, written as edits in each format. Everything
else is real: planning, matching, syntax, the sandbox at T2, the exercise's own tests. A row is green if the job is completed
and the delivered solution is the reference, byte for byte.

Three things are changed in the exercises, as other users of them do: tests that are switched off (xtest, #[ignore]) are
switched on, package.json is cut down to jest and babel so that all share one installation, and metadata is left out.
With --rotate every exercise is tried in one format, the next one in the next.
"""
import argparse
import concurrent.futures
import difflib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

FORMATS = ["search-replace", "unified-diff", "v4a", "whole", "str-replace"]


def git(repo, *args):
    return subprocess.run(["git", "--git-dir", repo, *args], capture_output=True, check=True).stdout


class Exercises:
    def __init__(self, repo):
        dotted = Path(repo) / ".git"
        self.repo = str(dotted if dotted.is_dir() else repo)
        names = git(self.repo, "ls-tree", "-r", "-z", "--name-only", "HEAD").decode().split("\0")
        self.files = defaultdict(list)
        for name in names:
            parts = name.split("/")
            if len(parts) > 4 and parts[1:3] == ["exercises", "practice"]:
                self.files[parts[0], parts[3]].append(name)

    def read(self, name):
        return git(self.repo, "show", f"HEAD:{name}")

    def load(self, language, exercise):
        """Returns the project's files and the solution's: path to bytes."""
        prefix = f"{language}/exercises/practice/{exercise}/"
        config = json.loads(self.read(prefix + ".meta/config.json"))["files"]
        project, solution = {}, {}
        for name in self.files[language, exercise]:
            path = name[len(prefix):]
            if not path.startswith((".meta/", ".docs/")) and path not in (".eslintrc", "LICENSE"):
                project[path] = self.read(name)
        for example, path in zip(config["example"], config["solution"]):
            solution[path] = self.read(prefix + example)
        # A reference may need libraries that the empty exercise does not name.
        cargo = prefix + ".meta/Cargo-example.toml"
        if language == "rust" and cargo in self.files[language, exercise]:
            solution["Cargo.toml"] = self.read(cargo)
        if language == "python":
            project["requirements.txt"] = b"pytest==8.4.2\n"
        return {path: self.on(language, path, body) for path, body in project.items()}, solution

    @staticmethod
    def on(language, path, body):
        """Switches tests on that are switched off, and cuts package.json down."""
        if language == "rust" and path.startswith("tests/"):
            return re.sub(rb"(?m)^\s*#\[ignore\b[^\]]*\]\s*\n", b"", body)
        if language == "javascript" and ".spec." in path:
            return re.sub(rb"\bx(test|it)\b", rb"\1", re.sub(rb"\bxdescribe\b", b"describe", body))
        if path == "package.json":
            whole = json.loads(body)
            wanted = ("@babel/core", "@exercism/babel-preset-javascript", "babel-jest", "core-js", "jest")
            kept = {name: version for name, version in whole["devDependencies"].items() if name in wanted}
            small = {"name": "exercise", "private": True, "scripts": {"test": "jest ./"}, "devDependencies": kept}
            return (json.dumps(small, indent=2) + "\n").encode()
        return body


def lines(text):
    return text.splitlines(keepends=True)


def hunks(old, new, head):
    """Writes the hunks between two texts; `head` makes the line above each."""
    text = ""
    for group in difflib.SequenceMatcher(None, lines(old), lines(new), autojunk=False).get_grouped_opcodes(3):
        text += head(group) + "\n"
        for tag, a, b, c, d in group:
            if tag == "equal":
                text += "".join(" " + line for line in lines(old)[a:b])
            else:
                text += "".join("-" + line for line in lines(old)[a:b]) + "".join("+" + line for line in lines(new)[c:d])
    return text


def numbers(group):
    first, last = group[0], group[-1]
    return f"@@ -{first[1] + (last[2] > first[1])},{last[2] - first[1]} +{first[3] + 1},{last[4] - first[3]} @@"


def ended(text):
    return text if not text or text.endswith("\n") else text + "\n"


def fence(text):
    marks = "```"
    while marks in text:
        marks += "`"
    return marks


def reply(fmt, files):
    """Writes the change of every file, path to (before, after), in a format."""
    if fmt == "str-replace":
        calls = []
        for path, (old, new) in files.items():
            if old.strip():
                calls.append({"name": "edit", "input": {"path": path, "find": old, "replace": new}})
            else:
                calls.append({"name": "write", "input": {"path": path, "content": new}})
        return {"tool_calls": calls + [{"name": "done", "input": {"summary": "Solved."}}]}
    text = ""
    for path, (old, new) in files.items():
        old, new = ended(old), ended(new)
        whole = f"{path}\n{fence(new)}\n{new}{fence(new)}\n\n"
        if fmt == "whole" or not old.strip():
            text += whole if fmt != "v4a" else f"*** Begin Patch\n*** Add File: {path}\n" + "".join("+" + x for x in lines(new)) + "*** End Patch\n"
        elif fmt == "search-replace":
            text += f"{path}\n<<<<<<< SEARCH\n{old}=======\n{new}>>>>>>> REPLACE\n\n"
        elif fmt == "unified-diff":
            text += f"--- a/{path}\n+++ b/{path}\n" + hunks(old, new, numbers)
        elif fmt == "v4a":
            text += f"*** Begin Patch\n*** Update File: {path}\n" + hunks(old, new, lambda _: "@@") + "*** End Patch\n"
    return {"text": text}


def answers(fmt, project, solution):
    text = lambda body: body.decode()
    files = {path: (text(project.get(path, b"")), text(body)) for path, body in solution.items() if project.get(path) != body}
    plan = {
        "summary": "Solve the exercise.",
        "tasks": [{
            "id": "t1", "title": "Write the solution", "description": "The tests say what it has to do.",
            "create": [path for path in files if path not in project], "modify": [path for path in files if path in project],
            "delete": [], "depends_on": [],
        }],
        "checks": [],
    }
    say = lambda phase, what: {"when": {"phase": phase}, "reply": what, "usage": {"input": 1000, "output": 500}}
    return {"answers": [
        say("plan", {"text": json.dumps(plan)}),
        # A model that is told of a fault where there is none says the same again, and answers what is found in its solution.
        {**say("build", reply(fmt, files)), "repeat": True},
        {**say("repair", {"text": "".join(f"ANSWER f{n}: the stub's parts are place holders.\n" for n in range(1, 9))}), "repeat": True},
        {**say("critique", {"text": '{"findings": []}'}), "repeat": True},
    ]}


CONFIG = """[providers.demo]
kind = "scripted"
answers = "answers.json"
[routes]
default = ["demo:scripted"]
[prices."demo:scripted"]
input = "1.00"
output = "2.00"
"""


def run(vdo, language, exercise, fmt, project, solution):
    """Runs one job; returns whether it is green and, if it is not, why."""
    place = Path(tempfile.mkdtemp(prefix="vdo-polyglot-"))
    try:
        repo = place / "project"
        for path, body in project.items():
            (repo / path).parent.mkdir(parents=True, exist_ok=True)
            (repo / path).write_bytes(body)
        (place / "answers.json").write_text(json.dumps(answers(fmt, project, solution)))
        (place / "vdo.toml").write_text(CONFIG)
        env = {**os.environ, "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b"}
        call = lambda *args: subprocess.run(args, cwd=place, env=env, capture_output=True, text=True)
        for args in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "the exercise"]):
            call("git", "-C", str(repo), *args).check_returncode()
        vdo_ = lambda *args: call(vdo, "--store", str(place / "store.db"), *args)
        new = vdo_("new", f"Solve the exercise {exercise}", "--repo", str(repo))
        if new.returncode:
            return False, new.stderr
        job = new.stdout.strip()
        ran = vdo_("-q", "run", job)
        show = json.loads(vdo_("--json", "show", job).stdout)
        if show["status"] != "completed":
            return False, f"{show['status']}: {str(show['reason'])[-1500:]} {ran.stderr[-300:]}"
        for path, body in solution.items():
            got = vdo_("cat", job, path).stdout
            if ended(got) != ended(body.decode()):
                return False, f"{path} is not the reference"
        passed = sum(check.get("tests_passed", 0) or 0 for check in show.get("checks", [])[-1:])
        return True, str(passed)
    finally:
        shutil.rmtree(place, ignore_errors=True)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("exercises")
    ap.add_argument("--vdo", default="vdo")
    ap.add_argument("--languages", default="python,rust,javascript")
    ap.add_argument("--formats", default=",".join(FORMATS))
    ap.add_argument("--rotate", action="store_true")
    ap.add_argument("--jobs", type=int, default=2)
    ap.add_argument("--limit", type=int, default=0, help="exercises per language")
    args = ap.parse_args()
    source = Exercises(args.exercises)
    formats = args.formats.split(",")
    todo = []
    for language in args.languages.split(","):
        names = sorted(name for own, name in source.files if own == language)
        for at, name in enumerate(names[: args.limit or None]):
            todo += [(language, name, fmt) for fmt in ([formats[at % len(formats)]] if args.rotate else formats)]
    start = time.monotonic()
    table, failed = defaultdict(lambda: [0, 0]), []

    def one(item):
        language, name, fmt = item
        project, solution = source.load(language, name)
        return item, run(args.vdo, language, name, fmt, project, solution)

    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        for (language, name, fmt), (green, why) in pool.map(one, todo):
            table[language, fmt][0 if green else 1] += 1
            if not green:
                failed.append((language, name, fmt, why))
                print(f"RED {language} {name} {fmt}: {why}", file=sys.stderr, flush=True)
    print(f"{'language':12}" + "".join(f"{fmt:>16}" for fmt in formats))
    for language in args.languages.split(","):
        cells = [table[language, fmt] for fmt in formats]
        print(f"{language:12}" + "".join(f"{f'{good} of {good + bad}':>16}" for good, bad in cells))
    print(f"{len(todo) - len(failed)} of {len(todo)} green in {time.monotonic() - start:.0f} s")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())

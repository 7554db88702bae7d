#!/usr/bin/env python3
"""Times `vdo context` as a whole process on checkouts: cold, warm, and on an earlier commit with the cache kept.

    scan.py VDO REPOSITORY... [--runs 3] [--back 50]

Prints one line for each repository and state: the median wall time, the CPU time and the peak memory, and `ctags -R` beside them
if it is there. A checkout is cloned into a temporary folder first; nothing is written to the repository itself.
"""
import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

QUERY = "report an error when a file that was included cannot be read"


def timed(command):
    """Returns the wall seconds, CPU seconds, peak megabytes and output of one run."""
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    out = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{command} exited {process.returncode}")
    return time.perf_counter() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, out


def line(name, state, runs):
    wall, cpu, peak = (statistics.median(run[at] for run in runs) for at in range(3))
    print(f"{name:24} {state:6} {wall:8.3f} s wall {cpu:8.3f} s CPU {peak:6.0f} MB", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("vdo")
    parser.add_argument("repositories", nargs="+")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--back", type=int, default=50, help="how many commits back a step goes (default 50)")
    args = parser.parse_args()
    for repository in args.repositories:
        name = os.path.basename(repository.rstrip("/"))
        with tempfile.TemporaryDirectory() as work:
            tree, cache = os.path.join(work, "tree"), os.path.join(work, "cache")
            subprocess.run(["git", "clone", "-q", repository, tree], check=True)
            command = [os.path.abspath(args.vdo), "context", "--repo", tree, "--cache", cache, QUERY]
            states = {"cold": [], "warm": [], "step": []}
            tops = set()
            for _ in range(args.runs):
                shutil.rmtree(cache, ignore_errors=True)
                for state in ("cold", "warm"):
                    run = timed(command)
                    states[state].append(run)
                    tops.add(b"\n".join(run[3].splitlines()[:10]))
                head = subprocess.run(["git", "-C", tree, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
                subprocess.run(["git", "-C", tree, "checkout", "-q", f"{head}~{args.back}"], check=True)
                states["step"].append(timed(command))
                subprocess.run(["git", "-C", tree, "checkout", "-q", head], check=True)
            for state, runs in states.items():
                line(name, state, runs)
            if shutil.which("ctags"):
                line(name, "ctags", [timed(["ctags", "-R", "-f", os.path.join(work, "tags"), tree]) for _ in range(args.runs)])
            print(f"{name:24} {'the same' if len(tops) == 1 else 'ANOTHER'} top 10 cold and warm", flush=True)


if __name__ == "__main__":
    main()

"""The commands of the README and of CONTRIBUTING work as typed.

Those of vidgen in the README are run, on small clips and for two steps; what takes minutes (builds, scripts) is checked as
far as that is cheap: files are there, presets, targets, options and keys exist, filters of tests match at least one. The
commands of vidgen on all other pages are checked in that way, too.

usage: commands_test.py PROGRAM BUILD_FOLDER
"""
import functools
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import unittest

from pages import ROOT, code_spans, pages, shell_lines

PROGRAM, BUILD = (pathlib.Path(argument).resolve() for argument in sys.argv[1:3])
SCRIPTS = r"tools/.*|tests/package/run\.sh|\.ci/run"
# Beginnings of code spans that are commands.
COMMAND = re.compile(r"(?:[A-Z_]+=\S+ )*(?:vidgen |ctest |cmake |tools/|build/|\.ci/)")
# What stands for something else: RUN, CONFIG, N.
PLACEHOLDER = re.compile(r"[A-Z][A-Z0-9_./]*|-*")


class Wrong(Exception):
    """A command that would not work."""


def expect(holds, problem):
    if not holds:
        raise Wrong(problem)


def output(*command):
    done = subprocess.run(command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    expect(done.returncode == 0, f"{shlex.join(map(str, command))} ends with {done.returncode}: {done.stdout[-500:]}")
    return done.stdout


@functools.lru_cache(maxsize=None)
def commands():
    """What may follow each command: {"data inspect": {"--size", ...}, "data": {"inspect", ...}, ...}."""
    script = output(PROGRAM, "completion", "bash")
    return {path: set(words.split()) for path, words in re.findall(r'^ +"(.*)"\) .* -W "(.*?)" -- ', script, re.M)}


@functools.lru_cache(maxsize=None)
def keys():
    return set(re.findall(r"^(\S+?):? ", output(PROGRAM, "config", "--explain").replace("\n", " \n"), re.M))


@functools.lru_cache(maxsize=None)
def presets(kind):
    return {preset["name"] for preset in json.loads((ROOT / "CMakePresets.json").read_text())[kind]}


def option_value(words, name):
    """The values of an option, as `name VALUE` or `name=VALUE`."""
    after = [value for word, value in zip(words, words[1:]) if word == name]
    return after + [word.split("=", 1)[1] for word in words if word.startswith(name + "=")]


def check_vidgen(words):
    words = [word for word in words if word not in ("-q", "--help", "--version")]
    # What an installed vidgen's launcher takes for itself (tests/package/launcher.sh).
    if words and words[0] == "--torch":
        words = words[2:]
    path = ""
    if words and PLACEHOLDER.fullmatch(words[0]):
        return
    while words and words[0] in commands()[path] and not words[0].startswith("-"):
        path = f"{path} {words.pop(0)}".strip()
    holds_others = any(name.startswith(f"{path} ") or not path for name in commands())
    expect(not words or not holds_others, f"vidgen {path}: has no {words[:1]}")
    for word in words:
        expect(not word.startswith("--") or word.split("=")[0] in commands()[path], f"vidgen {path}: has no {word}")
        expect(not word.startswith("configs/") or (ROOT / word).exists(), f"there is no {word}")
    for assignment in option_value(words, "--set"):
        key = re.sub(r"\.\d+|\[\d+\]", "[]", assignment.split("=")[0])
        expect(PLACEHOLDER.fullmatch(key) or "=" in assignment, f"--set {assignment} sets nothing")
        known = key in keys() or any(name.startswith(f"{key}[") for name in keys()) or PLACEHOLDER.fullmatch(key) or key == "a.b"
        expect(known, f"there is no key {key}")


@functools.lru_cache(maxsize=None)
def tests():
    """The names of all tests."""
    return re.findall(r"^ *Test +#\d+: (\S+)", output("ctest", "--test-dir", BUILD, "-N"), re.M)


def check_test_filter(words):
    for option in ("-R", "-E"):
        for pattern in option_value(words, option):
            expect(any(re.search(pattern, name) for name in tests()), f"no test matches {option} {pattern}")


def check_test_program(program, words):
    built = BUILD / "tests" / pathlib.Path(program).name
    if "vidgen_fuzz_X" in program:
        return
    expect(built.exists(), f"{built} is not built")
    listed = output(built, *[word for word in words if word.startswith("--gtest_filter=")], "--gtest_list_tests")
    expect(re.search(r"^  ", listed, re.M), f"{program} {' '.join(words)}: matches no test")


def check_script(script, words):
    expect((ROOT / script).exists(), f"there is no {script}")
    if (ROOT / script).is_dir():
        return expect(not words, f"{script} is a folder")
    expect(os.access(ROOT / script, os.X_OK), f"{script} cannot be executed")
    text = (ROOT / script).read_text()
    if text.startswith("#!/usr/bin/env bash"):
        output("bash", "-n", ROOT / script)
    if script == "tools/test.sh":
        expect(not words or words[0] in presets("testPresets"), f"there is no preset {words[:1]}")
        return check_test_filter(words)
    for word in words:
        file = "/" in word or "." in word or word.isdigit() or PLACEHOLDER.fullmatch(word)
        expect(file or word.split("=")[0] in text, f"{script} does not know {word}")


def check_cmake(words):
    known = presets("buildPresets" if "--build" in words else "configurePresets")
    for preset in option_value(words, "--preset"):
        expect(preset in known, f"there is no preset {preset}")
    cmake = "".join(path.read_text() for path in [ROOT / "CMakeLists.txt", *(ROOT / "cmake").iterdir()])
    for name in (word[2:].split("=")[0] for word in words if word.startswith("-D")):
        expect(name in cmake, f"there is no variable {name}")


def check(line):
    """Throws Wrong for a command that would not work; returns the words of one of vidgen."""
    words = shlex.split(line, comments=True)
    while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
        words.pop(0)
    if not words:
        return []
    program, rest = words[0], words[1:]
    if program in ("vidgen", "build/release/vidgen", "$vidgen"):
        check_vidgen(rest)
        return rest
    if program == "cmake":
        check_cmake(rest)
    elif program == "ctest":
        check_test_filter(rest)
    elif re.fullmatch(SCRIPTS, program):
        check_script(program, rest)
    elif re.fullmatch(r"build/\w+/tests/.*", program):
        check_test_program(program, rest)
    elif not re.match(r"build/", program):
        raise Wrong(f"this test does not know how to check {program}")
    return []


class Commands(unittest.TestCase):
    def check_all(self, page, lines):
        for line in lines:
            with self.subTest(page=page, line=line):
                try:
                    check(line)
                except Wrong as problem:
                    self.fail(str(problem))

    def test_front_pages(self):
        for page in ("README.md", "CONTRIBUTING.md"):
            text = (ROOT / page).read_text()
            lines = shell_lines(text)
            self.assertGreater(len(lines), 5)
            self.check_all(page, lines + [span for span in code_spans(text) if COMMAND.match(span)])

    def test_other_pages(self):
        for page in pages():
            text = page.read_text()
            lines = [line for line in shell_lines(text) + code_spans(text) if re.match(r"vidgen |tools/", line)]
            self.check_all(str(page.relative_to(ROOT)), [line for line in lines if "*" not in line and "…" not in line])

    def test_quickstart(self):
        text = (ROOT / "tools/quickstart.sh").read_text().replace("\\\n", " ")
        lines = re.findall(r"^ *\"?\$vidgen\"? .*$", text, re.M)
        self.assertGreater(len(lines), 5)
        self.check_all("tools/quickstart.sh", [re.split(r"  +\S+ .*,", line.strip())[0] for line in lines])

    def test_files_that_are_named_exist(self):
        for page in ("README.md", "CONTRIBUTING.md"):
            for span in code_spans((ROOT / page).read_text()):
                if re.fullmatch(r"(?:tools|tests|src|include|configs|doc|findings|cmake)/[\w./-]+", span):
                    with self.subTest(page=page, name=span):
                        self.assertTrue((ROOT / span).exists() or "X" in span)

    def test_the_readme_runs(self):
        """Every command of vidgen in the README, one after the other."""
        with tempfile.TemporaryDirectory() as folder:
            work = pathlib.Path(folder)
            (work / "configs").symlink_to(ROOT / "configs")
            environment = dict(os.environ, VIDGEN_CACHE=folder)

            def run(*words):
                done = subprocess.run([PROGRAM, *words], cwd=work, env=environment, text=True, stdout=subprocess.PIPE,
                                      stderr=subprocess.STDOUT)
                self.assertEqual(done.returncode, 0, f"vidgen {shlex.join(words)}: {done.stdout[-500:]}")

            run("data", "synth", "moving-digits", "--out", "clips/street", "--clips", "40", "--size", "32")
            small = [word for assignment in ("data.size=16", "train.steps=2", "train.batch_size=2", "train.sample_every=0",
                                             "train.evaluate.every=0") for word in ("--set", assignment)]
            for line in shell_lines((ROOT / "README.md").read_text()):
                words = shlex.split(line, comments=True)
                if words[0] != "vidgen":
                    continue
                with self.subTest(line=line):
                    run(*words[1:], *(small if words[1] == "train" else ["--clips", "8"] if words[1] == "eval" else []))


if __name__ == "__main__":
    if shutil.which("ctest") is None:
        sys.exit("ctest is not in the PATH")
    unittest.main(argv=sys.argv[:1])

#!/usr/bin/env python3
"""Writes the references in doc/commands.md and doc/configuration.md from what the program says of itself (--help,
config --explain). What stands above the marker in these files is written by hand and stays.

usage: tools/reference.py [--check] [--program build/release/vidgen]      --check: says what differs, writes nothing
"""
import argparse
import difflib
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
MARKER = "<!-- From here on written by tools/reference.py -->\n"


def cell(text):
    return text.replace("|", "\\|").replace("<", "&lt;")


def table(heading, rows):
    lines = [heading, ["---"] * len(heading)] + rows
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


class Help:
    """The parts of a --help text."""

    def __init__(self, text):
        head, *groups = re.split(r"\n(?=[A-Z][a-z ]+:(?:\n|$))", text)
        self.meaning, self.usage = re.match(r"(.*)\nUsage: (.*)", head, re.S).groups()
        self.entries = {}
        self.prints = ""
        for group in groups:
            name, body = group.split(":\n", 1)
            if name == "Prints":
                self.prints = " ".join(body.split("\n\n")[0].split())
            elif name == "Subcommands":
                self.entries[name] = [line.split()[0] for line in body.split("\n\n")[0].splitlines()]
            else:
                self.entries[name] = [(entry.splitlines()[0], " ".join(" ".join(entry.splitlines()[1:]).split()))
                                      for entry in re.split(r"\n  (?=\S)", "\n" + body.split("\n\n")[0])[1:]]

    def markdown(self, name):
        text = f"\n## {name}\n\n{self.meaning}\n\n```text\n{self.usage.strip()}\n```\n\n"
        rows = [[f"`{cell(value.replace('   (required)', ''))}`",
                 cell(meaning) + (" **Required.**" if "(required)" in value else "")]
                for group in ("Positionals", "Options") for value, meaning in self.entries.get(group, [])
                if value != "-h,--help"]
        if rows:
            text += table(["argument", "meaning"], rows)
        return text + (f"\nPrints: {cell(self.prints[0].lower() + self.prints[1:])}\n" if self.prints else "")


def commands(run, words=()):
    """The sections of a command and all below it; of those that only hold others, the others."""
    page = Help(run(*words, "--help"))
    below = page.entries.get("Subcommands", [])
    if not below:
        return page.markdown(" ".join(("vidgen",) + words))
    return "".join(commands(run, words + (name,)) for name in below)


def configuration(run):
    """A section for each group of keys."""
    groups = {"": ("Top level", [])}
    lines = run("config", "--explain").splitlines()
    for heading, meaning in zip(lines, lines[1:]):
        if not meaning.startswith("    "):
            continue
        meaning = meaning.strip()
        if ": " not in heading:
            name, _, note = heading.partition("  ")
            groups[name] = (meaning + (f" A {note.strip('()')}." if note else ""), [])
            continue
        key, default = heading.split(": ", 1)
        meaning, kind, resume = re.fullmatch(r"(.*) \((.*); at resume: (.*)\)", meaning).groups()
        kind, _, values = kind.partition(": ")
        if kind == "boolean":
            kind, values = "boolean", ""
        values = ", ".join(f"`{value}`" for value in values.split(", ")) if kind == "choice" else values
        prefix = next(group for group in reversed(sorted(groups)) if not group or re.match(re.escape(group) + r"(\[\])?\.", key))
        groups[prefix][1].append([f"`{key}`", values if kind == "choice" else f"{kind} {values}".strip(), f"`{default}`",
                                  cell(meaning), resume.replace("needs --init-from", "`--init-from`")])
    text = ""
    for name, (meaning, rows) in groups.items():
        title = f"{'###' if '.' in name else '##'} `{name}`\n\n{meaning}" if name else f"## {meaning}"
        text += f"\n{title}\n" + ("\n" + table(["key", "value", "default", "meaning", "at resume"], rows) if rows else "")
    return text


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--program", default=ROOT / "build/release/vidgen")
    arguments = parser.parse_args()

    def run(*words):
        return subprocess.run([arguments.program, *words], check=True, text=True, stdout=subprocess.PIPE).stdout

    differ = False
    for name, generate in (("commands", commands), ("configuration", configuration)):
        path = ROOT / "doc" / f"{name}.md"
        before = path.read_text()
        after = before.split(MARKER)[0] + MARKER + generate(run)
        if arguments.check:
            diff = list(difflib.unified_diff(before.splitlines(), after.splitlines(), str(path), "what the program says",
                                             lineterm="", n=0))
            print(*diff, sep="\n", end="\n" if diff else "")
            differ = differ or bool(diff)
        else:
            path.write_text(after)
    if differ:
        sys.exit("the references are not those of this program: run tools/reference.py and commit what it writes")


if __name__ == "__main__":
    main()

"""The pages of the project, and what stands in them."""
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)


def pages():
    """Every *.md of the project, not what builds and runs leave."""
    left_out = ("build", "runs", "shared")
    found = (path for path in ROOT.rglob("*.md") if not path.relative_to(ROOT).parts[0].startswith((".", *left_out)))
    return sorted(found)


def without_code(text):
    return re.sub(r"`[^`\n]*`", "", FENCE.sub("", text))


def code_spans(text):
    return re.findall(r"`([^`\n]+)`", FENCE.sub("", text))


def shell_lines(text):
    """The lines of the fenced blocks that are for a shell; those that a backslash continues are one."""
    blocks = [body for language, body in FENCE.findall(text) if language == "sh"]
    return [line for body in blocks for line in body.replace("\\\n", " ").splitlines() if line.strip()]

"""The messages that doc/troubleshooting.md explains are those of the sources."""
import re
import unittest

from pages import ROOT


def literals():
    """All text of the sources, with what stands between two literals of one message left out."""
    files = [path for folder in ("src", "include") for path in (ROOT / folder).rglob("*.*")]
    files += [ROOT / "tools/setup.sh", ROOT / "cmake/FindLibTorch.cmake"]
    text = "".join(path.read_text() for path in files).replace('\\"', '"')
    return re.sub(r'"[\s,]*"', "", text)


class Messages(unittest.TestCase):
    def test_messages_exist(self):
        sources = literals()
        page = (ROOT / "doc/troubleshooting.md").read_text()
        quoted = re.findall(r"^\| `([^`]+)`", page, re.M)
        self.assertGreater(len(quoted), 30)
        for message in quoted:
            for part in re.split("…", message):
                with self.subTest(message=message):
                    self.assertTrue(part.strip('"') in sources, f"no source says: {part}")


if __name__ == "__main__":
    unittest.main()

"""Links between pages lead somewhere, every page of doc/ is in its index, and the README keeps its size."""
import re
import unittest

from pages import FENCE, ROOT, pages, without_code


def anchors(text):
    """The names that GitHub gives to the headings of a page."""
    names = []
    for heading in re.findall(r"^#+ +(.*)$", FENCE.sub("", text), re.M):
        name = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        names.append(f"{name}-{names.count(name)}" if name in names else name)
    return names


class Links(unittest.TestCase):
    def test_links_and_anchors_resolve(self):
        for page in pages():
            text = without_code(page.read_text())
            for link in re.findall(r"\]\(([^)\s]+)\)|(?:src|href)=\"([^\"]+)\"", text):
                link = link[0] or link[1]
                if re.match(r"[a-z]+:", link):
                    continue
                path, _, anchor = link.partition("#")
                target = (page.parent / path) if path else page
                with self.subTest(page=str(page.relative_to(ROOT)), link=link):
                    self.assertTrue(target.exists(), "there is no such file")
                    if anchor:
                        self.assertIn(anchor, anchors(target.read_text()))

    def test_the_index_lists_every_page(self):
        index = (ROOT / "doc/README.md").read_text()
        for page in (ROOT / "doc").glob("*.md"):
            self.assertTrue(page.name == "README.md" or f"({page.name})" in index, f"doc/README.md does not list {page.name}")

    def test_every_picture_is_shown(self):
        everything = "".join(page.read_text() for page in pages())
        for picture in (ROOT / "doc").iterdir():
            if picture.suffix in (".gif", ".png"):
                self.assertIn(picture.name, everything)

    def test_the_readme_shows_clips_that_move(self):
        animation = (ROOT / "doc/clips.gif").read_bytes()
        self.assertIn("doc/clips.gif", (ROOT / "README.md").read_text())
        self.assertGreater(animation.count(b"\x21\xf9\x04"), 10, "each frame has a graphic control extension")
        self.assertLess(len(animation), 1.5e6)

    def test_the_readme_is_short(self):
        lines = (ROOT / "README.md").read_text().splitlines()
        self.assertLess(len(lines), 120)
        self.assertEqual([line for line in lines if len(line) > 120], [])


if __name__ == "__main__":
    unittest.main()

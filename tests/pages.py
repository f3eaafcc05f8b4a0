"""Reads the pages of reports."""

from html.parser import HTMLParser

__all__ = ["Checked"]


class Checked(HTMLParser):
    """Collects the references and the text of a page; checks that elements are closed, and links within it have ends.

    ``sources`` leave out links within the page.
    """

    def __init__(self, page):
        super().__init__()
        self.open, self.sources, self.words, self.pictures, self.ids = [], [], "", 0, []
        self.feed(page)
        assert self.open == []
        assert len({*self.ids}) == len(self.ids)
        named = {source[1:] for source in self.sources if source.startswith("#")}
        assert named <= {*self.ids}
        self.sources = [source for source in self.sources if not source.startswith("#")]

    def handle_starttag(self, tag, attributes):
        self.sources += [value for key, value in attributes if key in ("src", "href")]
        self.ids += [value for key, value in attributes if key == "id"]
        self.pictures += tag == "svg"
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "script" not in self.open and "style" not in self.open:
            self.words += data

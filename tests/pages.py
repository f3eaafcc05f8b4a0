"""Reads the pages of reports."""

from html.parser import HTMLParser

__all__ = ["Checked"]


class Checked(HTMLParser):
    """Collects the references and the text of a page; checks that every opened element is closed."""

    def __init__(self, page):
        super().__init__()
        self.open, self.sources, self.words, self.pictures = [], [], "", 0
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.sources += [value for key, value in attributes if key in ("src", "href")]
        self.pictures += tag == "img"
        if tag not in ("meta", "img", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words += data

"""What the scripts share that write tables into docs/: Markdown, and where it goes."""
import collections
import sys


def write_record(path, begin, end, text):
    """Puts a text into a document, between these two lines, for what was there. A document without them is an error, and stays
    as it is."""
    with open(path, encoding="utf-8") as file:
        before, begins, rest = file.read().partition(begin)
    _, ends, after = rest.partition(end)
    if not begins or not ends:
        sys.exit("%s has no place for the table: it wants the lines\n%s%s" % (path, begin, end))
    with open(path, "w", encoding="utf-8") as out:
        out.write(before + begin + text + end + after)


def line(first, cells):
    """A row of a table."""
    return "| %s | %s |\n" % (first, " | ".join(cells))


class Notes:
    """The reasons of what was skipped, as notes below a table."""

    def __init__(self):
        self._notes = []

    def note(self, why):
        why = " ".join(why.split())
        if why not in self._notes:
            self._notes.append(why)
        return "[%d]" % (self._notes.index(why) + 1)

    def counts(self, results):
        """How many passed, failed or were skipped; none at all is a failure that who asks must have counted."""
        count = collections.Counter(result["outcome"] for result in results)
        notes = "".join(sorted({self.note(result["why"]) for result in results
                                if result["outcome"] == "skip"}))
        words = []
        if count["fail"]:
            words.append("**FAIL** %d" % count["fail"])
        if count["pass"]:
            words.append("pass" if count["pass"] == 1 else "%d pass" % count["pass"])
        if count["skip"]:
            words.append(("%d skipped " % count["skip"] if words else "skipped ") + notes)
        return ", ".join(words) or "**FAIL** did not run"

    def text(self):
        return "".join("\n[%d] %s\n" % numbered for numbered in enumerate(self._notes, 1))

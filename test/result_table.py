"""What test/versions and test/windows-versions make of the results of test/integration/results.py: Markdown."""
import collections


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
        """How many passed, failed or were skipped."""
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

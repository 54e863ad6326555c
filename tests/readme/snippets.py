#!/usr/bin/env python3
"""Takes a named code block out of a Markdown file, so that what the README shows is what the tests run.

    snippets.py README.md cpp OUTPUT

A block is named by the comment before it: <!-- snippet: cpp -->
"""

import re
import sys
from pathlib import Path


def snippet(markdown: str, name: str) -> str:
    found = re.findall(rf"<!-- snippet: {re.escape(name)} -->\n```\w+\n(.*?)```\n", markdown, re.DOTALL)
    if len(found) != 1:
        raise SystemExit(f"there are {len(found)} snippets called {name}, not one")
    return found[0]


if __name__ == "__main__":
    source, name, output = sys.argv[1:]
    Path(output).write_text(snippet(Path(source).read_text(), name))

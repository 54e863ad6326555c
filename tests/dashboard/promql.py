"""Reads as much of PromQL as it takes to say which metrics an expression asks for, and by which labels.

Whether an expression is valid is promtool's to say. Every selector has to begin with a metric's name.
"""

import re
from dataclasses import dataclass, field

TOKEN = re.compile(r"""
    \s+ | \#.*
  | (?P<text>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`[^`]*`)
  | (?P<range>\[[^\]]*\])
  | (?P<number>[0-9.][0-9a-zA-Z.]*)
  | (?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)
  | (?P<sign>=~|!~|!=|==|<=|>=|[-+*/%^=<>(){},@])
""", re.VERBOSE)
AGGREGATIONS = {"sum", "min", "max", "avg", "group", "stddev", "stdvar", "count", "count_values", "bottomk", "topk", "quantile"}
MATCHING = {"on", "ignoring", "group_left", "group_right"}
OTHER_WORDS = {"and", "or", "unless", "bool", "offset", "inf", "nan"}


@dataclass
class Use:
    """A metric in an expression: its matchers as (label, operator, value), and the labels by which it is grouped or matched."""

    metric: str
    matchers: list = field(default_factory=list)
    grouped: set = field(default_factory=set)

    def labels(self):
        return {label for label, _, _ in self.matchers} | self.grouped


def uses(expression):
    reader = _Reader(_tokens(expression))
    found = reader.read_until_end(set())
    for use in found:
        use.grouped |= reader.matched
    return found


def grouping_labels(expression):
    """The labels that the expression's result has besides those that no aggregation takes away."""
    found = set().union(*(use.grouped for use in uses(expression)))
    return found - {"le"} if "histogram_quantile" in expression else found


def _tokens(expression):
    tokens, place = [], 0
    while place < len(expression):
        match = TOKEN.match(expression, place)
        if not match:
            raise ValueError(f"unreadable at {place}: {expression}")
        if match.lastgroup:
            tokens.append((match.lastgroup, match.group()))
        place = match.end()
    return [*tokens, ("end", "")]


class _Reader:
    def __init__(self, tokens):
        self.tokens = tokens
        self.place = 0
        self.matched = set()

    def peek(self):
        return self.tokens[self.place][1]

    def take(self):
        self.place += 1
        return self.tokens[self.place - 1]

    def expect(self, text):
        kind, got = self.take()
        if got != text:
            raise ValueError(f"{text} expected, not {got or kind}")

    def read_until_end(self, grouped, end=""):
        """Up to the parenthesis that ends what is grouped by these labels, or the end of all."""
        found = []
        while self.peek() != end:
            kind, text = self.take()
            if text == "(":
                found += self.read_until_end(grouped, ")")
            elif text in AGGREGATIONS and self.peek() in ("by", "without", "("):
                found += self.read_aggregation(grouped)
            elif text in MATCHING:
                self.matched |= self.read_labels() if self.peek() == "(" else set()
            elif kind == "end" or text in ")}{":
                raise ValueError(f"unexpected {text or kind}")
            elif kind == "name" and self.peek() != "(" and text.lower() not in OTHER_WORDS:
                found.append(Use(text, self.read_matchers(), set(grouped)))
        self.take()
        return found

    def read_aggregation(self, grouped):
        before = self.read_grouping()
        self.expect("(")
        found = self.read_until_end(grouped | before, ")")
        after = self.read_grouping()
        for use in found:
            use.grouped |= after
        return found

    def read_grouping(self):
        if self.peek() not in ("by", "without"):
            return set()
        self.take()
        return self.read_labels()

    def read_labels(self):
        self.expect("(")
        labels = set()
        while self.peek() != ")":
            kind, text = self.take()
            if kind == "name":
                labels.add(text)
        self.take()
        return labels

    def read_matchers(self):
        matchers = []
        if self.peek() == "{":
            self.take()
            while self.peek() != "}":
                label, operator, value = (self.take()[1] for _ in range(3))
                matchers.append((label, operator, value[1:-1]))
                if self.peek() == ",":
                    self.take()
            self.take()
        return matchers

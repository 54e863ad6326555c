#!/usr/bin/env python3
"""What the reader of PromQL finds, on which dashboard_test.py relies."""

import sys
import unittest

from promql import grouping_labels, uses


class PromqlTest(unittest.TestCase):
    def found(self, expression):
        return [(use.metric, use.labels()) for use in uses(expression)]

    def test_a_metric_has_the_labels_of_its_selector(self):
        self.assertEqual(self.found('a{x="1", y!~"b{c}"} / b > bool 0.5'), [("a", {"x", "y"}), ("b", set())])
        [use] = uses('a{x=~"1|2"}[5m] offset 1d')
        self.assertEqual(use.matchers, [("x", "=~", "1|2")])

    def test_a_metric_has_the_labels_of_all_aggregations_around_it(self):
        self.assertEqual(self.found("max by (x) (sum by (y, z) (rate(a[1h]))) + count(b) by (w)"), [("a", {"x", "y", "z"}), ("b", {"w"})])

    def test_labels_to_match_by_belong_to_both_sides(self):
        self.assertEqual(self.found("a and on (x) b"), [("a", {"x"}), ("b", {"x"})])

    def test_functions_numbers_and_words_are_no_metrics(self):
        self.assertEqual(self.found("time() - a:b:c < 14 * 86400 or 1e-3 * inf"), [("a:b:c", set())])

    def test_what_it_cannot_read_is_an_error(self):
        for expression in ['{x="1"}', "sum by (x) a", "a)", "(a", "a ; b"]:
            with self.subTest(expression), self.assertRaises(ValueError):
                uses(expression)

    def test_a_result_is_told_apart_by_what_it_is_grouped_by(self):
        self.assertEqual(grouping_labels("histogram_quantile(0.9, sum by (job, le) (rate(a_bucket[5m])))"), {"job"})


if __name__ == "__main__":
    sys.exit(unittest.main())

import base64
import copy
import unittest

from model import catalogue, manifest
from model.manifest import ManifestError

POINT = {
    "fmr": 0.001, "distance": 1.0, "genuine_pairs": 10, "impostor_pairs": 1000, "people": 5, "source": "a test",
}


def embedding_manifest(**changes):
    return {**catalogue.manifest("mobilefacenet-192"), **changes}


def fields(value, prefix=()):
    """The paths of all fields, groups and leaves."""
    for key, inner in value.items():
        yield (*prefix, key)
        if isinstance(inner, dict):
            yield from fields(inner, (*prefix, key))


def parent_of(value, path):
    for part in path[:-1]:
        value = value[part]
    return value


class ManifestTest(unittest.TestCase):
    def test_manifests_of_the_catalogue_are_valid(self):
        for name in catalogue.CATALOGUE:
            with self.subTest(name):
                manifest.validate(catalogue.manifest(name))

    def test_a_missing_field_is_refused_by_name(self):
        for name in ("mobilefacenet-192", "face-finder"):
            whole = catalogue.manifest(name)
            for path in fields(whole):
                if path in (("cohort",), ("synthetic_people",)):
                    continue  # a bundle may have none
                with self.subTest(name, field=path):
                    broken = copy.deepcopy(whole)
                    del parent_of(broken, path)[path[-1]]
                    with self.assertRaisesRegex(ManifestError, "^" + r"\.".join(path) + r"(\.\w+)?: is missing"):
                        manifest.validate(broken)

    def test_an_ill_typed_field_is_refused_by_name(self):
        for name in ("mobilefacenet-192", "face-finder"):
            whole = catalogue.manifest(name)
            for path in fields(whole):
                with self.subTest(name, field=path):
                    broken = copy.deepcopy(whole)
                    parent_of(broken, path)[path[-1]] = [object()]
                    allowed = r": cannot be|\[0\]\.fmr: is missing|\.\w+: is missing"
                    with self.assertRaisesRegex(ManifestError, "^" + r"\.".join(path) + f"({allowed})"):
                        manifest.validate(broken)

    def test_a_bundle_may_have_no_cohort(self):
        manifest.validate(embedding_manifest(cohort=None))

    def test_synthetic_people_must_fit_the_embedding(self):
        group = catalogue.manifest("mobilefacenet-192")["synthetic_people"][0]
        for broken, error in (
            ({**group, "faces": "not base64!"}, r"synthetic_people\[0\].faces: is no base64"),
            ({**group, "faces": "AAAA"}, r"synthetic_people\[0\].faces: are not"),
            ({**group, "faces_of_person": 1}, r"synthetic_people\[0\].faces: are not"),
        ):
            with self.assertRaisesRegex(ManifestError, error):
                manifest.validate(embedding_manifest(synthetic_people=[broken]))

    def test_a_head_must_fit_the_embedding(self):
        size = 192
        matrix = base64.b64encode(bytes(2 * size * size)).decode()
        head = {"base_network": None, "mean": [0.0] * size, "matrix": matrix}
        manifest.validate(embedding_manifest(head=head))
        for broken in ({**head, "mean": [0.0]}, {**head, "matrix": "AAAA"}):
            with self.assertRaisesRegex(ManifestError, "^head: is not a mean"):
                manifest.validate(embedding_manifest(head=broken))

    def test_a_cohort_must_fit_the_embedding(self):
        cohort = catalogue.manifest("mobilefacenet-192")["cohort"]
        for broken, message in (
            ({**cohort, "centroids": "not base64!"}, "cohort.centroids: is no base64"),
            ({**cohort, "centroids": "AAAA"}, "cohort.centroids: are not"),
            ({**cohort, "nearest": 100_000}, "cohort.centroids: are not"),
            ({**cohort, "sources": [{"name": "a group"}]}, r"cohort.sources\[0\].people: is missing"),
        ):
            with self.subTest(message), self.assertRaisesRegex(ManifestError, "^" + message):
                manifest.validate(embedding_manifest(cohort=broken))
        plain = {"size": 192, "unit_length": False}
        with self.assertRaisesRegex(ManifestError, "^cohort: is only for embeddings of unit length"):
            manifest.validate(embedding_manifest(cohort=cohort, embedding=plain))

    def test_unknown_fields_are_ignored(self):
        manifest.validate(embedding_manifest(colour_of_the_bike_shed="blue"))

    def test_numbers_must_be_finite_and_not_booleans(self):
        for margin in (0, -1, True, float("nan"), float("inf"), "1"):
            with self.subTest(margin=margin), self.assertRaisesRegex(ManifestError, "^margin: cannot be"):
                manifest.validate(embedding_manifest(margin=margin))

    def test_mean_has_one_entry_per_channel(self):
        broken = embedding_manifest()
        broken["input"] = {**broken["input"], "color": "GRAY"}
        with self.assertRaisesRegex(ManifestError, "^input.mean: has 3 entries, GRAY has 1"):
            manifest.validate(broken)

    def test_the_alignment_template_needs_its_own_size(self):
        broken = embedding_manifest()
        broken["input"] = {**broken["input"], "width": 128}
        with self.assertRaisesRegex(ManifestError, r"^input.width, input.height: \(128, 112\) is not the 112x112"):
            manifest.validate(broken)
        with self.assertRaisesRegex(ManifestError, r"^input.width, input.height: \(112, 112\) is not the 192x192"):
            manifest.validate(embedding_manifest(alignment="arcface192"))

    def test_operating_points_ascend(self):
        looser = {**POINT, "fmr": 0.01, "distance": 1.1}
        manifest.validate(embedding_manifest(operating_points=[POINT, looser]))
        for wrong in ([looser, POINT], [POINT, {**looser, "distance": 1.0}], [POINT, {**looser, "fmr": 0.001}]):
            with self.subTest(wrong), self.assertRaisesRegex(ManifestError, r"^operating_points\[1\]: .* ascend"):
                manifest.validate(embedding_manifest(operating_points=wrong))

    def test_an_interval_holds_its_rate(self):
        manifest.validate(embedding_manifest(operating_points=[{**POINT, "fmr_low": 0.0005, "fmr_high": 0.002}]))
        for low, high in ((0.0011, 0.002), (0.0005, 0.0009), (-0.1, 0.002), (0.0005, 1.1)):
            wrong = {**POINT, "fmr_low": low, "fmr_high": high}
            with self.subTest(wrong), self.assertRaisesRegex(ManifestError, r"^operating_points\[0\].fmr_low, fmr_high:"):
                manifest.validate(embedding_manifest(operating_points=[wrong]))

    def test_a_calibration_falls_with_the_distance(self):
        calibration = {"offset": 30, "slope": -27, "genuine_pairs": 5, "impostor_pairs": 9, "people": 3, "source": "x"}
        manifest.validate(embedding_manifest(calibration=calibration))
        for field, value in (("slope", 0), ("slope", "x"), ("offset", float("nan")), ("people", 0), ("source", "")):
            with self.subTest(field), self.assertRaisesRegex(ManifestError, f"^calibration.{field}: cannot be"):
                manifest.validate(embedding_manifest(calibration={**calibration, field: value}))

    def test_a_field_missing_in_an_operating_point_is_refused_by_name(self):
        for field in POINT:
            broken = {key: value for key, value in POINT.items() if key != field}
            with self.subTest(field), self.assertRaisesRegex(ManifestError, rf"^operating_points\[0\].{field}: is"):
                manifest.validate(embedding_manifest(operating_points=[broken]))


if __name__ == "__main__":
    unittest.main()

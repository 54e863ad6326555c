import unittest

import torch

from model import catalogue
from model.networks import cutout
from model.networks.dlib_resnet import CHIP_MEAN, CHIP_STD


def positions() -> torch.Tensor:
    """A crop arcface192 whose two channels say where a pixel lies: x and y in pixels."""
    y, x = torch.meshgrid(torch.arange(192.0), torch.arange(192.0), indexing="ij")
    return torch.stack((x, y)).unsqueeze(0)


class CutoutTest(unittest.TestCase):
    def test_arcface112_undoes_the_magnification_and_the_margin(self):
        seen = cutout.arcface112()(positions())[0]
        self.assertEqual(tuple(seen.shape), (2, 112, 112))
        # docs/bundle.md: the pixel (x, y) of arcface112 lies at 1.5 (x, y) + 12.25 in arcface192.
        expected = 1.5 * torch.arange(112.0) + 12.25
        torch.testing.assert_close(seen[0, 50], expected)
        torch.testing.assert_close(seen[1, :, 50], expected)

    def test_dlib_chip_shows_the_mean_face_where_dlib_puts_it(self):
        chip = cutout.dlib_chip()(positions())[0]
        self.assertEqual(tuple(chip.shape), (2, 150, 150))
        # The eyes and the tip of the nose of dlib's mean face, (p + padding) / (1 + 2 padding) of the chip's side, in
        # the chip; and those of ArcFace's template, moved into arcface192.
        for (chip_x, chip_y), (x, y) in (
            ((47.4, 46.2), (69.7, 89.8)),
            ((100.6, 46.2), (122.5, 89.5)),
            ((74.0, 76.6), (96.3, 119.9)),
        ):
            seen_x, seen_y = chip[:, round(chip_y), round(chip_x)].tolist()
            self.assertLess(abs(seen_x - x) + abs(seen_y - y), 12, "more than 8 % of the chip away")

    def test_two_networks_see_what_each_would_see_alone(self):
        both = catalogue.CATALOGUE["mobilefacenet-dlib-320"].make().eval()
        coarse = torch.rand(2, 3, 7, 7, generator=torch.Generator().manual_seed(7)) * 255
        crops = torch.nn.functional.interpolate(coarse, (192, 192), mode="bilinear")
        mean = torch.tensor(CHIP_MEAN).view(1, 3, 1, 1)
        with torch.no_grad():
            embeddings = both((crops - 127.5) / 128) * 2**0.5
            face = both.mobilefacenet(cutout.arcface112()((crops - 127.5) / 128))
            chip = catalogue.CATALOGUE["dlib-resnet-128"].make().eval()((crops - mean) / CHIP_STD)
        torch.testing.assert_close(embeddings[:, :192], face, rtol=0, atol=1e-5)
        torch.testing.assert_close(embeddings[:, 192:], chip, rtol=0, atol=1e-4)


if __name__ == "__main__":
    unittest.main()

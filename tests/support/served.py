"""The real server as a child process, for tests in Python.

    sys.path.append(str(ROOT / "tests/support"))
    import served

Programs and models come from the environment: LIKENESS_BIN_DIR, LIKENESS_MODELS_DIR.
"""

import json
import os
import subprocess
import time
from pathlib import Path

BINARIES = Path(os.environ["LIKENESS_BIN_DIR"])
MODELS = Path(os.environ["LIKENESS_MODELS_DIR"])


class Server:
    """Serves, once it is made, on free ports of this machine, with a gallery in `folder`, where it runs as well."""

    def __init__(self, folder: Path, *flags: str, model: Path = MODELS / "mobilefacenet-192.pt") -> None:
        ready = folder / "ready.json"
        self.process = subprocess.Popen(
            [BINARIES / "likeness-server", "--address=127.0.0.1:0", "--metrics-address=127.0.0.1:0", "--device=cpu",
             "--log-level=warning", f"--model={model}", f"--face-finder={MODELS}/face-finder.pt",
             f"--gallery=sqlite:{folder}/gallery.db", "--plaintext-gallery=true", f"--ready-file={ready}", *flags], cwd=folder)
        deadline = time.monotonic() + 90
        while not (ready.exists() and ready.read_text().endswith("\n")):
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.process.kill()
                raise RuntimeError("the server does not serve")
            time.sleep(0.05)
        ports = json.loads(ready.read_text())
        self.grpc_port, self.metrics_port = ports["grpc_port"], ports["metrics_port"]

    def stop(self) -> None:
        """Asks it to end, as an orchestrator does. Raises when it does not end in good order."""
        self.process.terminate()
        try:
            if self.process.wait(timeout=60) != 0:
                raise RuntimeError(f"the server ended with {self.process.returncode}")
        finally:
            self.process.kill()

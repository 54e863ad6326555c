#!/usr/bin/env python3
"""What `cmake --install` puts in place, as the Debian package carries it: the unit, the settings, the man pages.

    package_test.py BUILD_FOLDER

docker/test installs, uses, removes and purges the package itself.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(sys.argv.pop(1))
UNIT = "lib/systemd/system/likeness.service"
# What `systemd-analyze security` may find open, of 10.0 in all: the network, and memory that is written and run.
MOST_EXPOSED = 1.5


def run(*command, **options):
    return subprocess.run([*map(str, command)], capture_output=True, text=True, timeout=120, **options)


def flags_of(program):
    return set(re.findall(r"^ +(--[a-z-]+)", run(program, "--help").stdout, re.MULTILINE))


class PackageTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.root = Path(tempfile.mkdtemp(prefix="likeness-package-"))
        cls.addClassCleanup(shutil.rmtree, cls.root)
        installed = run("cmake", "--install", BUILD, env={**os.environ, "DESTDIR": str(cls.root)})
        if installed.returncode != 0:
            raise RuntimeError(installed.stderr)
        cls.server = cls.root / "usr/bin/likeness-server"
        cls.settings = (cls.root / "etc/likeness/likeness.yaml").read_text()

    def test_programs_start_where_they_are_installed(self):
        for program in ("likeness-server", "likeness"):
            self.assertIn(program, run(self.root / "usr/bin" / program, "--version").stdout)

    def test_the_unit_has_no_faults(self):
        self.assertEqual(self.verify_unit("", ""), "")
        self.assertIn("Unknown key", self.verify_unit("[Service]", "[Service]\nNoSuchKey=yes"))
        self.assertIn("not executable", self.verify_unit("/likeness-server ", "/likeness-servant "))

    def verify_unit(self, before, after):
        """What systemd says of the unit, its program where this test has it, and altered so."""
        unit = self.root / "likeness.service"
        text = (self.root / "usr" / UNIT).read_text().replace("=/usr/", f"={self.root}/usr/")
        unit.write_text(text.replace(before, after))
        said = run("systemd-analyze", "verify", "--man=no", unit).stderr
        return "\n".join(line for line in said.splitlines() if "likeness" in line)  # not of this machine's other units

    def test_the_unit_leaves_little_open(self):
        unit = self.root / "usr" / UNIT
        done = run("systemd-analyze", "security", "--offline=true", f"--threshold={int(10 * MOST_EXPOSED)}", unit)
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_the_unit_starts_what_is_installed(self):
        command = re.search(r"^ExecStart=(\S+) --config (\S+)$", (self.root / "usr" / UNIT).read_text(), re.MULTILINE)
        for path in command.groups():
            self.assertTrue((self.root / path.lstrip("/")).exists(), path)

    def test_settings_name_flags_of_the_server_also_where_they_are_commented_out(self):
        names = re.findall(r"^#?([a-z-]+):", self.settings, re.MULTILINE)
        self.assertGreater(len(names), 8)
        self.assertEqual({f"--{name}" for name in names} - flags_of(self.server), set())

    def test_settings_are_read_and_name_models_that_are_installed(self):
        for path in re.findall(r": (/usr/\S+)", self.settings):
            self.assertTrue((self.root / path.lstrip("/")).exists(), path)
        settings = self.root / "here.yaml"
        settings.write_text(self.settings.replace("/usr/", f"{self.root}/usr/").replace("/etc/", f"{self.root}/etc/"))
        done = run(self.server, "--config", settings)
        self.assertEqual(done.returncode, 2)
        self.assertIn("master.keys", done.stderr, "all but the key, which the installation makes, is well")

    def test_man_pages_have_every_flag_and_every_command(self):
        page = (self.root / "usr/share/man/man8/likeness-server.8").read_text().replace("\\-", "-")
        self.assertEqual({flag for flag in flags_of(self.server) if flag not in page}, set())
        page = (self.root / "usr/share/man/man1/likeness.1").read_text().replace("\\-", "-")
        for word in ("enroll", "verify", "--token-file", "--target-fmr", "Exit codes"):
            self.assertIn(word, page)

    def test_every_file_says_the_same_version(self):
        version = re.search(r"^project\(likeness VERSION (\S+)", (ROOT / "CMakeLists.txt").read_text(), re.MULTILINE).group(1)
        for file, pattern in [("Dockerfile", r"^ARG VERSION=(\S+)"), ("docker/gpu.Dockerfile", r"^ARG VERSION=(\S+)"),
                              ("CITATION.cff", r"^version: (\S+)")]:
            self.assertEqual(re.search(pattern, (ROOT / file).read_text(), re.MULTILINE).group(1), version, file)

    def test_maintainer_scripts_are_shell(self):
        for script in ("postinst", "prerm", "postrm"):
            self.assertEqual(run("sh", "-n", ROOT / "deploy/debian" / script).stderr, "")


if __name__ == "__main__":
    sys.exit(unittest.main())

"""Writes this machine's pip settings as a folder that a container can mount over /etc/xdg/pip.

Usage: pip_settings.py FOLDER. A build's RUN steps see neither the environment nor the files of
the machine; what pip was told there (an index, credentials, a certificate, a time limit) is
gathered with `pip config list` and written to FOLDER/pip.conf, the certificate beside it. Mounted,
not copied: nothing of it ends in the image.
"""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

# Where the folder appears inside the container.
INSIDE = "/etc/xdg/pip"


def settings() -> dict[str, str]:
    """What pip would use for `install`; the more specific sections win, the environment most of all."""
    command = [sys.executable, "-m", "pip", "config", "list"]
    listed = subprocess.run(command, check=False, capture_output=True, text=True)
    if listed.returncode != 0:
        # No pip here, so no files of pip's either that anybody would have written.
        return {key[4:].lower().replace("_", "-"): value for key, value in os.environ.items() if key.startswith("PIP_")}
    found: dict[str, dict[str, str]] = {"global": {}, "install": {}, ":env:": {}}
    for line in listed.stdout.splitlines():
        name, _, value = line.partition("=")
        section, _, option = name.rpartition(".")
        if section in found:
            found[section][option] = ast.literal_eval(value)
    return found["global"] | found["install"] | found[":env:"]


def certificate(options: dict[str, str]) -> str | None:
    """The file of certificates that pip, or else OpenSSL's and requests' variables, name."""
    named = [options.pop("cert", None), *(os.environ.get(key) for key in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"))]
    return next((path for path in named if path and Path(path).is_file()), None)


def main(folder: Path) -> None:
    """Fill `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    options = settings()
    bundle = certificate(options)
    # Folders of this machine mean nothing inside.
    options = {key: value for key, value in options.items() if not value.startswith(("/", "file:"))}
    if bundle:
        shutil.copyfile(bundle, folder / "machine-ca.crt")
        options["cert"] = f"{INSIDE}/machine-ca.crt"
    # A value of several lines is a list, which pip reads from indented lines.
    lines = [f"{key} = {value.replace(chr(10), chr(10) + '    ')}" for key, value in sorted(options.items())]
    (folder / "pip.conf").write_text("\n".join(["[global]", *lines, ""]), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))

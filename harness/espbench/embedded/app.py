# SPDX-License-Identifier: MIT
"""pytest-embedded's app, with a flash image that needs no esptool."""

from __future__ import annotations

from pathlib import Path

from pytest_embedded import App
from pytest_embedded_qemu import QemuApp
from pytest_embedded_qemu.app import IdfFlashImageMaker

from espbench.embedded.flash_image import flash_size, merged, write
from espbench.errors import ConfigError


class FirmwareApp(App):  # type: ignore[misc]  # it has no types
    """The session's firmware, which is one file and has no build folder."""

    def _get_binary_path(self, build_dir: str | None = None) -> str | None:  # noqa: ARG002
        return None


class DutApp(QemuApp):  # type: ignore[misc]  # it has no types
    """The build folder of an ESP-IDF project."""

    def _get_binary_path(self, build_dir: str | None = None) -> str | None:
        found: str | None = super()._get_binary_path(build_dir)
        if found is None or not Path(found).is_dir():
            raise ConfigError(
                f"There is no build folder {build_dir} in {self.app_path}: build the project with "
                f"`idf.py -B {build_dir} build`, or name another with --build-dir."
            )
        return found

    def create_image(self) -> None:
        """Make the image; an encrypted one, or one that may stay, is pytest-embedded's to make."""
        path = Path(self.image_path)
        if self.encrypt or (self.skip_regenerate_image and path.exists()):
            super().create_image()
            return
        size = flash_size(IdfFlashImageMaker(self, self.image_path).qemu_flash_size)
        write(
            path, merged([(file.offset, Path(file.file_path)) for file in self.flash_files], size)
        )

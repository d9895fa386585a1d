# SPDX-License-Identifier: MIT
"""pytest-embedded's app classes, with a flash image made without esptool."""

from __future__ import annotations

from pathlib import Path

from pytest_embedded import App
from pytest_embedded_qemu import QemuApp
from pytest_embedded_qemu.app import IdfFlashImageMaker

from espbench.errors import ConfigError
from espbench.flash.merged_image import flash_size, merged, write


class FirmwareApp(App):  # type: ignore[misc]  # it has no types
    """The session's firmware: a single file without a build folder."""

    def _get_binary_path(self, build_dir: str | None = None) -> str | None:  # noqa: ARG002
        return None


class DutApp(QemuApp):  # type: ignore[misc]  # it has no types
    """The build folder of an ESP-IDF project."""

    def _get_binary_path(self, build_dir: str | None = None) -> str | None:
        found: str | None = super()._get_binary_path(build_dir)
        if found is None or not Path(found).is_dir():
            raise ConfigError(
                f"{self.app_path} has no build folder {build_dir}: build the project with "
                f"`idf.py -B {build_dir} build`, or name another with --build-dir."
            )
        return found

    def create_image(self) -> None:
        """Write the image; pytest-embedded handles encrypted images and those it may keep."""
        path = Path(self.image_path)
        if self.encrypt or (self.skip_regenerate_image and path.exists()):
            super().create_image()
            return
        size = flash_size(IdfFlashImageMaker(self, self.image_path).qemu_flash_size)
        write(
            path, merged([(file.offset, Path(file.file_path)) for file in self.flash_files], size)
        )

"""Front-end files fetch nothing from anywhere."""

import re

import pytest

from hub.settings import ROOT
from hub.supervisor import assets


def test_a_style_sheet_loses_its_fonts_and_finds_its_images_beside_it() -> None:
    css = (
        "@font-face{font-family:Frutiger W01;src:url(https://fonts.example.org/x.woff2)}"
        "body{font-family:Frutiger W01,arial,sans-serif}"
        "a{background:url(/assets/images/x.svg)}"
        "\n/*# sourceMappingURL=x.min.css.map */"
    )

    assert assets.local_style(css).strip() == (
        "body{font-family:Arial,sans-serif}a{background:url(assets/images/x.svg)}"
    )


def test_what_is_installed_names_no_other_host() -> None:
    if not assets.VENDOR.exists():
        pytest.skip("the front-end files are not installed: run `make test`")
    for path in assets.VENDOR.glob("*.css"):
        assert re.findall(r"https?://[^\s\"')]+", path.read_text("utf-8")) == []


def test_images_of_the_style_sheet_are_there() -> None:
    if not assets.VENDOR.exists():
        pytest.skip("the front-end files are not installed: run `make test`")
    css = (assets.VENDOR / "nhsuk-frontend.min.css").read_text("utf-8")
    images = set(re.findall(r"url\((assets/[^)]+)\)", css))

    assert images
    assert [image for image in images if not (assets.VENDOR / image).exists()] == []


def test_the_lock_file_names_no_registry() -> None:
    assert '"resolved"' not in (ROOT / "package-lock.json").read_text("utf-8")

"""A file is what its bytes say, never what it is called."""

import pytest

from hub.domain.file_kinds import KINDS, kind_of


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"%PDF-1.7\n...", "application/pdf"),
        (b"\x89PNG\r\n\x1a\n....", "image/png"),
        (b"\xff\xd8\xff\xe0....", "image/jpeg"),
        ("Dear all, wound \u2013 left leg".encode(), "text/plain"),
        (b"", None),
        (b"   ", None),
        (b"MZ\x90\x00", None),
        (b"PK\x03\x04", None),
        (b"text\x00with a zero", None),
        (b"\xff\xfe\x00", None),
        (b"<html><script>", None),
        (b"\xef\xbb\xbf  <svg onload=x>", None),
    ],
)
def test_by_its_bytes(content: bytes, kind: str | None) -> None:
    assert kind_of(content) == kind
    assert kind is None or kind in KINDS

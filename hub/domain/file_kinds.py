"""What kind of file some bytes are, by what stands in them and never by what they are called."""

_STARTS = (
    (b"%PDF-", "application/pdf"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
)
KINDS = ("application/pdf", "image/png", "image/jpeg", "text/plain")
"""Media types of the letters that are taken in."""
_CONTROL = frozenset(range(32)) - {9, 10, 12, 13}


def kind_of(content: bytes) -> str | None:
    """Return the media type of a letter; None for what is none of KINDS."""
    for start, kind in _STARTS:
        if content.startswith(start):
            return kind
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return None
    is_text = bool(text.strip()) and not any(ord(each) in _CONTROL for each in text)
    # What a browser would take for a page is not plain text, whatever it says of itself.
    looks_like_a_page = text.lstrip("\ufeff \t\r\n")[:1] == "<"
    return "text/plain" if is_text and not looks_like_a_page else None

r"""The keys under which tokens, references and uris are found, hashed to 64 bits.

Both sides use this grammar: the index writes every key of a resource, a search asks for one. Parts
are separated by a line feed, which no code, system or uri may contain::

    code \n *  \n value              a token whatever its system
    code \n =  \n system \n value    a token with its system; an empty system means "has none"
    code \n @  \n system             any token of a system
    code \n >  \n Type/id or url     a reference without version; a canonical also with |version
    code \n ~  \n uri                a uri
    code \n ?  \n soundex            a part of a name that sounds so
    code \n &  \n key \r key         a composite of two keys of the same element
    code:identifier ...              the identifier inside a reference, as a token
    code:of-type \n system|type|value    an identifier of a type

A key holds no type: each table has one. The same hash in SQL is HASH_SQL; a collision (one in
2^64 pairs) would show one record too many to somebody who may see it.
"""

from hashlib import sha256

from fhir.recurring import kept

HASH_SQL = "('x' || substr(encode(sha256(convert_to({0}, 'UTF8')), 'hex'), 1, 16))::bit(64)::bigint"
"""The hash with core functions of PostgreSQL; IMMUTABLE when wrapped in a function."""


@kept(65536)
def hashed(key: str) -> int:
    """Return the first 8 bytes of sha256 as a signed number, big-endian."""
    return int.from_bytes(sha256(key.encode()).digest()[:8], "big", signed=True)


def token_code(parameter: str, code: str) -> str:
    return f"{parameter}\n*\n{code}"


def token(parameter: str, system: str, code: str) -> str:
    return f"{parameter}\n=\n{system}\n{code}"


def token_system(parameter: str, system: str) -> str:
    return f"{parameter}\n@\n{system}"


def reference(parameter: str, target: str) -> str:
    return f"{parameter}\n>\n{target}"


def uri(parameter: str, value: str) -> str:
    return f"{parameter}\n~\n{value}"


def phonetic(parameter: str, sound: str) -> str:
    return f"{parameter}\n?\n{sound}"


def composite(parameter: str, first: str, second: str) -> str:
    return f"{parameter}\n&\n{first}\r{second}"


def of_type(parameter: str, system: str, code: str, value: str) -> str:
    return f"{parameter}:of-type\n{system}\n{code}\n{value}"


def identifier_of(parameter: str) -> str:
    """Return the name under which a reference's identifier is indexed as a token."""
    return f"{parameter}:identifier"

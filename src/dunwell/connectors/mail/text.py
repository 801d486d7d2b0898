"""Bytes that strangers call text, made into text. Pure.

Only charsets that mail is written in are used: Python knows others, whose decoding costs the square of what comes in.
"""

import codecs
import re
from email.errors import MessageError
from email.header import decode_header

from dunwell.policy.lists import word_set
from dunwell.policy.untrusted import one_line

_CHARSETS = word_set(
    """
    ascii utf-8 utf-7 utf-16 utf-16-le utf-16-be utf-8-sig
    iso8859-1 iso8859-2 iso8859-3 iso8859-4 iso8859-5 iso8859-6 iso8859-7 iso8859-8 iso8859-9 iso8859-10
    iso8859-11 iso8859-13 iso8859-14 iso8859-15 iso8859-16 tis-620
    cp1250 cp1251 cp1252 cp1253 cp1254 cp1255 cp1256 cp1257 cp1258 cp437 cp850 cp852 cp866 cp874
    koi8-r koi8-u mac-roman gb2312 gbk gb18030 hz big5 big5hkscs cp950 cp932 cp949 shift_jis euc_jp euc_kr
    iso2022_jp iso2022_jp_1 iso2022_jp_2 iso2022_kr johab
    """
)
# What no text needs and what hides or turns text around; lone surrogates fit into no database.
_NOT_TEXT = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]"
)
_FOLDED = re.compile(r"[\r\n]+[ \t]*")
# Many words that start and never end cost the square of their number.
_MOST_ENCODED = 4_000


def decoded(payload: bytes, charset: str) -> str:
    """Decode with the charset that was named, else UTF-8, else Windows' western one; never fails."""
    if payload.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        charset = "utf-16"
    for candidate in (charset, "utf-8"):
        if _is_mail_charset(candidate):
            try:
                return payload.decode(candidate)
            except UnicodeError:
                continue
    return payload.decode("cp1252", "replace")


def _is_mail_charset(name: str) -> bool:
    try:
        return codecs.lookup(name).name in _CHARSETS
    except (LookupError, ValueError):  # also what holds a NUL
        return False


def clean(text: str) -> str:
    """Return the text with plain line ends and without control, invisible and direction-turning characters."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n").replace("\u2029", "\n")
    return _NOT_TEXT.sub("", text)


def header_text(raw: str) -> str:
    """Decode a header's encoded words (RFC 2047) into one safe line of at most 4,000 characters."""
    unfolded = _FOLDED.sub(" ", raw[:_MOST_ENCODED])
    try:
        chunks = decode_header(unfolded)
    except (MessageError, ValueError):
        return one_line(unfolded, _MOST_ENCODED)
    return one_line("".join(_chunk(chunk, charset) for chunk, charset in chunks), _MOST_ENCODED)


def _chunk(chunk: bytes | str, charset: str | None) -> str:
    if isinstance(chunk, str):
        return chunk
    if charset is not None:
        return decoded(chunk, charset)
    try:
        return chunk.decode("raw-unicode-escape")  # how decode_header hands on what was not encoded
    except UnicodeDecodeError:
        return chunk.decode("latin-1")

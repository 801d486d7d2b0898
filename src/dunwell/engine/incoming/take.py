"""Take: a mail, or word of what became of one of ours, is kept once. Nothing else happens at the door."""

import json
from datetime import datetime

from dunwell.policy.incoming import IncomingMail, TransportEvent
from dunwell.store import keep, mails
from dunwell.store.claims import one_transaction


def take_mail(source: str, external_id: str, mail: IncomingMail, now: datetime) -> bool:
    """Keep a mail with its attachments and put it into the inbox, in one transaction; say whether it was new.

    `source` is the way it came ("imap", or what a mail provider is called) and `external_id` its name there. The
    same mail by two ways, or twice by one, is one mail. Not for use inside a transaction: what is taken is
    committed when this returns.
    """
    with one_transaction():
        row = mails.keep_mail(source, external_id, mail, now)
        if row is not None:
            mails.keep_mail_event(row)
    return row is not None


def take_transport(external_id: str, event: TransportEvent, now: datetime) -> bool:
    """Put into the inbox, once, what a mail provider says became of a mail of ours; say whether it was new.

    `external_id` is the same however often the provider tells of it. Not for use inside a transaction.
    """
    about: dict[str, object] = {
        "id": mails.short_id(f"{mails.TRANSPORT}:{external_id}"),
        "type": mails.TRANSPORT,
    }
    if event.at is not None:
        about["created"] = int(event.at.timestamp())
    body = json.dumps(mails.event_columns(event))
    return keep.keep_event(source=mails.SOURCE, event=about, body=body, now=now)

"""Personal mails: drafted here, seen by the relationship owner, signed by a manager, sent and confirmed (spec 1.2)."""

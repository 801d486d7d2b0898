"""A mail server in memory."""

from collections.abc import Callable

from dunwell.engine.ports import Mailer
from dunwell.policy import readings


class Postbox(Mailer):
    """A mail server that takes everything, unless told what to answer next."""

    def __init__(self) -> None:
        self.mails: list[readings.OutgoingMail] = []
        self.answers: list[readings.Delivery] = []
        self.before_send: Callable[[readings.OutgoingMail], None] = lambda _mail: None
        self.after_send: Callable[[readings.OutgoingMail], None] = lambda _mail: None

    def send(self, mail: readings.OutgoingMail) -> readings.Delivery:
        self.before_send(mail)
        answer = self.answers.pop(0) if self.answers else readings.Handed("250 ok")
        if not isinstance(answer, readings.Refused):
            self.mails.append(mail)
            self.after_send(mail)
        return answer

    def close(self) -> None:
        pass

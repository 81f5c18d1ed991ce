"""Event types of messages to a person: e-mail, and everything else by ``channel``.

Subjects and texts may name the person and are sealed; which message and campaign it was stays readable.
"""

from __future__ import annotations

from typing import Literal

from lead_events.domain.event_types.fields import Name, Offered, Properties, Reason, Text, Url


class EmailSent(Offered):
    """An e-mail was sent to a person."""

    message_id: Name | None = None
    campaign: Name | None = None
    template: Name | None = None
    subject: Text | None = None


class EmailOpened(EmailSent):
    """An e-mail was opened, ``automatic`` when a mail scanner did it."""

    automatic: bool | None = None


class EmailClicked(EmailOpened):
    """A link in an e-mail was clicked."""

    url: Url | None = None


class EmailReplied(EmailSent):
    """A person replied to an e-mail."""

    text: Text | None = None


class EmailBounced(EmailSent):
    """An e-mail could not be delivered."""

    bounce: Literal["hard", "soft"] | None = None
    reason: Reason | None = None


class EmailComplained(EmailSent):
    """A person marked an e-mail as spam."""


class EmailUnsubscribed(EmailSent):
    """A person unsubscribed from e-mails, of one subscription or of all."""

    subscription: Name | None = None
    reason: Reason | None = None


class MessageSent(Offered):
    """A message was sent to a person over a channel such as ``sms`` or ``telegram``."""

    channel: Name
    message_id: Name | None = None
    campaign: Name | None = None
    template: Name | None = None
    text: Text | None = None


class MessageDelivered(MessageSent):
    """A message reached a person's device."""


class MessageRead(MessageSent):
    """A person read a message."""


class MessageClicked(MessageSent):
    """A person clicked a link in a message."""

    url: Url | None = None


class MessageReplied(MessageSent):
    """A person replied to a message."""


class MessageUnsubscribed(MessageSent):
    """A person asked for no more messages over a channel."""

    reason: Reason | None = None


class MessageBounced(MessageSent):
    """A message could not be delivered."""

    reason: Reason | None = None


TYPES: dict[str, type[Properties]] = {
    "email.sent": EmailSent,
    "email.opened": EmailOpened,
    "email.clicked": EmailClicked,
    "email.replied": EmailReplied,
    "email.bounced": EmailBounced,
    "email.complained": EmailComplained,
    "email.unsubscribed": EmailUnsubscribed,
    "message.sent": MessageSent,
    "message.delivered": MessageDelivered,
    "message.read": MessageRead,
    "message.clicked": MessageClicked,
    "message.replied": MessageReplied,
    "message.bounced": MessageBounced,
    "message.unsubscribed": MessageUnsubscribed,
}
"""The properties of each type declared here."""

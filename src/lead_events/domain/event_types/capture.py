"""Event types where a visitor speaks up: forms, pop-ups, questions, chat, offers, subscriptions, webinars, consent.

What a person typed is sealed; which form, pop-up, offer or webinar it was stays readable.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from lead_events.domain.event_types.fields import MAX_TEXT, Label, Name, Offered, Privacy, Properties, Seconds, Text

FormFields = Annotated[dict[str, Any], Privacy.PERSONAL]
"""What was typed into a form, by the name of the field."""
AnswerText = Annotated[str, Field(max_length=MAX_TEXT)]
Answer = Annotated[bool | int | float | AnswerText | list[AnswerText], Privacy.PERSONAL]
"""What a person answered: a text, a number, yes or no, or several texts."""
Purpose = Literal["analytics", "profiling", "contact"]
ContactChannel = Literal["email", "phone", "sms", "messenger", "push", "chat", "post"]


class FormViewed(Offered):
    """A visitor saw a form."""

    form_id: Name
    form_name: Label | None = None


class FormStarted(FormViewed):
    """A visitor began to fill a form in."""

    field: Name | None = None


class FormAbandoned(FormViewed):
    """A visitor left a form unfinished, last seen at a field."""

    field: Name | None = None


class FormSubmitted(FormViewed):
    """A visitor sent a form."""

    fields: FormFields | None = None


class PopupShown(Offered):
    """A pop-up was shown."""

    popup_id: Name


class PopupAccepted(PopupShown):
    """A visitor took up what a pop-up proposed."""


class PopupClosed(PopupShown):
    """A visitor closed a pop-up."""


class QuestionAnswered(Offered):
    """A visitor answered a question of a quiz, a poll or a pop-up."""

    question_id: Name
    question: Text | None = None
    answer: Answer


class ChatStarted(Offered):
    """A visitor opened a chat."""

    chat_id: Name | None = None
    channel: Name | None = None


class ChatMessageSent(ChatStarted):
    """A message was sent in a chat, by the visitor unless told otherwise."""

    text: Text | None = None
    sender: Literal["visitor", "operator", "bot"] | None = None


class OfferAccepted(Offered):
    """A visitor took an offer up."""

    offer_id: Name


class SubscriptionStarted(Offered):
    """A person subscribed to a newsletter or another series of messages."""

    subscription: Name | None = None
    channel: Name | None = None


class WebinarRegistered(Offered):
    """A person registered for a webinar."""

    webinar_id: Name
    title: Label | None = None


class WebinarAttended(WebinarRegistered):
    """A person attended a webinar, for some seconds."""

    seconds: Seconds | None = None


class WebinarQuestionAsked(WebinarRegistered):
    """A person asked a question in a webinar."""

    text: Text | None = None


class WebinarOfferAccepted(WebinarRegistered):
    """A person took up what a webinar offered."""


class ConsentGranted(Properties):
    """A person agreed to a purpose; ``contact`` without a channel means every channel.

    ``source`` is where it was said (a form, a call), ``method`` how, ``text_version`` which text it was said to.
    """

    purpose: Purpose
    channel: ContactChannel | None = None
    source: Name | None = None
    text_version: Name | None = None
    method: Name | None = None
    text: Text | None = None
    note: Text | None = None


class ConsentWithdrawn(ConsentGranted):
    """A person withdrew consent to a purpose."""


TYPES: dict[str, type[Properties]] = {
    "form.viewed": FormViewed,
    "form.started": FormStarted,
    "form.abandoned": FormAbandoned,
    "form.submitted": FormSubmitted,
    "popup.shown": PopupShown,
    "popup.accepted": PopupAccepted,
    "popup.closed": PopupClosed,
    "question.answered": QuestionAnswered,
    "chat.started": ChatStarted,
    "chat.message_sent": ChatMessageSent,
    "offer.accepted": OfferAccepted,
    "subscription.started": SubscriptionStarted,
    "webinar.registered": WebinarRegistered,
    "webinar.attended": WebinarAttended,
    "webinar.question_asked": WebinarQuestionAsked,
    "webinar.offer_accepted": WebinarOfferAccepted,
    "consent.granted": ConsentGranted,
    "consent.withdrawn": ConsentWithdrawn,
}
"""The properties of each type declared here."""

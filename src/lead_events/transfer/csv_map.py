"""The document that says what the columns of a CSV file mean: identifiers, traits, events, outcomes.

Only its shape and where it is found; applying it to rows is in ``csv_rows``.
"""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from lead_events.domain.errors import InvalidInput

_NAME = r"^[a-z][a-z0-9_-]{0,31}$"
_FORMAT = re.compile(r"%[a-zA-Z%]")


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def _check_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        message = "name a time zone such as Europe/Moscow"
        raise ValueError(message) from None
    return name


def _check_format(text: str) -> str:
    if text not in {"iso", "epoch", "epoch_ms"} and not _FORMAT.search(text):
        message = "write iso, epoch, epoch_ms or a format such as %d.%m.%Y %H:%M"
        raise ValueError(message)
    return text


def _as_cell(value: Any) -> Any:
    """Read the short forms: a heading, or headings of which the first filled one counts."""
    if isinstance(value, str):
        return {"column": [value]}
    return {"column": value} if isinstance(value, list) else value


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Headings = Annotated[tuple[str, ...], BeforeValidator(_as_list), Field(min_length=1)]
"""A heading, or several spellings of which the first one that is filled counts."""


class Cell(_Part):
    """Where a value comes from.

    Attributes:
        column: headings; the first one that is filled counts.
        constant: the value itself, whatever the row holds.
        values: what the file's texts mean; compared without case; a text that is not listed stays as it is.
        form: what the text is turned into.
        separator: divides a list.
    """

    column: Annotated[tuple[str, ...], BeforeValidator(_as_list)] = ()
    constant: Any = None
    values: dict[str, Any] = Field(default_factory=dict)
    form: Literal["text", "number", "amount", "boolean", "list", "day"] = "text"
    separator: str = ";"


Value = Annotated[Cell, BeforeValidator(_as_cell)]


class When(_Part):
    """A row has the event only if a column is filled, or holds one of some texts, compared without case."""

    column: Headings
    one_of: tuple[str, ...] = ()


class RowEvent(_Part):
    """One event that a row may tell of.

    Attributes:
        name: tells the events of one row apart; part of the event id.
        traits: whether it carries the row's traits.
        correction: what a changed row does: ``append`` another event, or ``quarantine`` the changed one, so that a
            person decides. By default events that carry traits are appended, because the newest trait counts.
    """

    name: Annotated[str, Field(pattern=_NAME)]
    type: str
    occurred_at: Headings
    known_at: Headings | None = None
    when: When | None = None
    traits: bool = False
    properties: dict[str, Value] = Field(default_factory=dict)
    campaign: dict[str, Value] = Field(default_factory=dict)
    author: Value | None = None
    correction: Literal["append", "quarantine"] | None = None

    @property
    def appends(self) -> bool:
        """Say whether a changed row makes another event."""
        return self.traits if self.correction is None else self.correction == "append"


class Outcome(_Part):
    """What one text of the outcome column means."""

    type: str
    name: Annotated[str, Field(pattern=_NAME)] | None = None
    properties: dict[str, Value] = Field(default_factory=dict)


class Outcomes(_Part):
    """A column that says what became of the row's person.

    Attributes:
        properties: of every outcome; an outcome's own go first.
        values: text of the column, compared without case → outcome; other texts are no outcome.
    """

    column: Headings
    occurred_at: Headings
    known_at: Headings | None = None
    properties: dict[str, Value] = Field(default_factory=dict)
    values: dict[str, Outcome]

    @model_validator(mode="after")
    def _check_texts(self) -> Self:
        if len({text.casefold() for text in self.values}) != len(self.values):
            message = "texts are compared without case, and two of them are the same"
            raise ValueError(message)
        return self

    def events(self) -> tuple[RowEvent, ...]:
        """Write the outcomes as events with a condition."""
        return tuple(self._event(text, outcome) for text, outcome in self.values.items())

    def _event(self, text: str, outcome: Outcome) -> RowEvent:
        return RowEvent(
            name=outcome.name or outcome.type.replace(".", "_")[:32],
            type=outcome.type,
            occurred_at=self.occurred_at,
            known_at=self.known_at,
            when=When(column=self.column, one_of=(text,)),
            properties={**self.properties, **outcome.properties},
        )


class Dates(_Part):
    """How the file writes instants; those without an offset are local times of the zone."""

    formats: tuple[Annotated[str, AfterValidator(_check_format)], ...] = ("iso",)
    time_zone: Annotated[str, AfterValidator(_check_zone)] = "UTC"


class Identifiers(_Part):
    """Columns that name the person; a row needs one of them filled."""

    email: Headings | None = None
    phone: Headings | None = None
    user_id: Headings | None = None
    anonymous_id: Headings | None = None
    crm_ids: dict[str, Headings] = Field(default_factory=dict)


class CsvMap(_Part):
    """What the columns of one kind of file mean.

    Attributes:
        name: part of every event id; two maps with one name speak of the same events.
        key: the column that names a row for ever.
        encoding, delimiter: of such files, unless the command says otherwise.
    """

    name: Annotated[str, Field(pattern=_NAME)]
    description: str = ""
    key: Headings
    encoding: str = "utf-8-sig"
    delimiter: str | None = None
    dates: Dates = Dates()
    identifiers: Identifiers
    traits: dict[str, Value] = Field(default_factory=dict)
    events: tuple[RowEvent, ...] = ()
    outcomes: tuple[Outcomes, ...] = ()

    def all_events(self) -> tuple[RowEvent, ...]:
        """Return the events and outcomes of a row, in the order in which they are tried."""
        return self.events + tuple(event for outcomes in self.outcomes for event in outcomes.events())

    def headings(self) -> set[str]:
        """Return every heading that the map looks for."""
        who, events = self.identifiers, self.all_events()
        cells = [*self.traits.values(), *(each for event in events for each in _cells(event))]
        named = [self.key, who.email, who.phone, who.user_id, who.anonymous_id, *who.crm_ids.values()]
        named += [each for event in events for each in (event.occurred_at, event.known_at)]
        named += [event.when.column for event in events if event.when is not None]
        return {name for columns in (*named, *(cell.column for cell in cells)) for name in columns or ()}


def _cells(event: RowEvent) -> list[Cell]:
    author = [] if event.author is None else [event.author]
    return [*event.properties.values(), *event.campaign.values(), *author]


def load_map(name: str) -> CsvMap:
    """Load a map that is shipped, by its name, or one of your own, by its file.

    Raises:
        InvalidInput: there is none, or it is wrong; the message names the field.
    """
    text = read_map(name)
    try:
        return CsvMap.model_validate(yaml.safe_load(text))
    except yaml.YAMLError as error:
        raise InvalidInput(f"The map {name} is not YAML: {error}".replace("\n", " ")) from None
    except ValidationError as error:
        wrong = (f"{'.'.join(map(str, each['loc'])) or 'map'}: {each['msg']}" for each in error.errors(include_url=False))
        raise InvalidInput(f"The map {name} cannot be used: {'; '.join(wrong)}") from None


def list_maps() -> list[str]:
    """Return the names of the maps that are shipped."""
    return sorted(Path(each.name).stem for each in _shipped().iterdir() if each.name.endswith(".yaml"))


def read_map(name: str) -> str:
    """Return the text of a map.

    Raises:
        InvalidInput: there is none.
    """
    if name in list_maps():
        return str(_shipped().joinpath(f"{name}.yaml").read_text(encoding="utf-8"))
    try:
        return Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        message = f"There is no map {name}; name a file, or one of: {', '.join(list_maps())}."
        raise InvalidInput(message) from None


def _shipped() -> Any:
    return files("lead_events.transfer").joinpath("maps")

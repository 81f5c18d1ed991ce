"""``/v1/models``: publish a model document, look at published ones, and at what differs between two.

What may stand in a document is decided in ``domain``; here it is only read from a body and shown.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import Field, JsonValue

from lead_events import clock
from lead_events.api.auth import require
from lead_events.api.body import read_body, unpack
from lead_events.api.deps import ReaderDep, problems
from lead_events.api.problems import MalformedBody, UnsupportedMedia
from lead_events.api.schemas import Answer, Time
from lead_events.domain import diagram, lint, lint_traits, model_diff
from lead_events.domain.diagram_svg import draw_svg
from lead_events.domain.document import ModelDocument
from lead_events.domain.findings import Finding, Severity
from lead_events.domain.model_text import MAX_CHARACTERS, ModelText, UnreadableModel, read_json, read_yaml
from lead_events.domain.times import DAY, format_instant
from lead_events.store import models
from lead_events.store.api_keys import Key, Scope
from lead_events.store.carried import read_carried
from lead_events.store.engine import reading, writing
from lead_events.store.models import PublishedModel

router = APIRouter(prefix="/v1/models", tags=["models"])

_READ = [require(Scope.MODELS_READ)]
_SECONDS = 30.0
_YAML = frozenset({"application/yaml", "application/x-yaml", "text/yaml", "text/x-yaml"})
_JSON = frozenset({"application/json", ""})
_MOST_NOTE = 10_000


class Remark(Answer):
    """One finding of lint; an error keeps a document from being published."""

    severity: Severity
    pointer: str
    line: int | None = Field(description="In the text that was sent, counted from 1; null where there was none.")
    message: str
    suggestion: str | None


class ModelHead(Answer):
    """A published model without its document."""

    number: int
    name: str
    author: str
    note: str
    created_at: Time


class Published(ModelHead):
    """A model that was just published, with what lint warns of."""

    warnings: list[Remark]


class PublishedDocument(ModelHead):
    """A published model; it never changes."""

    document: dict[str, JsonValue]


class ModelList(Answer):
    """Every published model, oldest first."""

    data: list[ModelHead]
    next_cursor: None = None
    has_more: bool = False


class DiagramFormat(StrEnum):
    """How a diagram is drawn."""

    SVG = "svg"
    MERMAID = "mermaid"


class ModelDifference(Answer):
    """One difference between two documents."""

    pointer: str
    kind: str = Field(description="`added`, `removed` or `changed`.")
    old: JsonValue
    new: JsonValue
    words: str


class ModelDiff(Answer):
    """What differs between two models: in words, and as data."""

    from_: int = Field(alias="from")
    to: int
    words: list[str]
    differences: list[ModelDifference]


async def _read_text(request: Request) -> ModelText:
    """Read the body as a document, with lines where it is YAML.

    Raises:
        UnsupportedMedia: it is neither JSON nor YAML.
    """
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media not in _YAML | _JSON:
        raise UnsupportedMedia("Send application/json or application/yaml.")
    packed = await read_body(request.receive, limit=MAX_CHARACTERS, seconds=_SECONDS)
    body = unpack(packed, MAX_CHARACTERS) if request.headers.get("content-encoding", "").lower() == "gzip" else packed
    if media in _JSON:
        return read_json(body)
    try:
        return read_yaml(body.decode("utf-8-sig"))
    except UnreadableModel as error:
        raise lint.RefusedModel([error.finding]) from None
    except UnicodeDecodeError:
        raise MalformedBody("The body is not UTF-8.") from None


ModelTextDep = Annotated[ModelText, Depends(_read_text)]


def publication_body(title: str, document: dict[str, Any], named: dict[str, Any] | None = None) -> dict[str, Any]:
    """Describe a body that is a document, or a document with its author and a note.

    Args:
        title: of the second form.
        document: schema of the document inside it.
        named: schema of the document alone, if it says more.
    """
    said = {"document": document, "author": {"type": "string"}, "note": {"type": "string"}}
    publication = {"type": "object", "title": title, "required": ["document"], "properties": said}
    return {
        "required": True,
        "content": {
            "application/json": {"schema": {"anyOf": [named or document, publication]}},
            "application/yaml": {"schema": {"type": "string"}},
        },
    }


MODEL_BODY = publication_body(
    "ModelPublication",
    {"type": "object"},
    {"type": "object", "title": "ModelDocument", "description": "As `/v1/models/schema` says."},
)


@router.post(
    "",
    operation_id="publish_model",
    status_code=201,
    responses=problems(400, 413, 415, 422),
    openapi_extra={"requestBody": MODEL_BODY},
)
def publish_model(
    key: Annotated[Key, require(Scope.MODELS_WRITE)], text: ModelTextDep, reader: ReaderDep, response: Response
) -> Published:
    """Publish a document under the next number; it never changes afterwards, and changes nothing by itself.

    The body is a document, or `{"document", "author", "note"}`, as JSON or YAML. A refusal names every mistake at once.
    """
    document, author, note = unwrap(text, f"key {key.key_id}")
    now = clock.now()
    with reading(reader.engine) as connection:
        carried = read_carried(connection, lint_traits.asked(document.document), now - lint_traits.CARRIED_DAYS * DAY)
    warnings = lint.check(document.document, document.lines, document.traps, carried)
    with writing(reader.engine) as connection:
        number = models.publish(connection, document.document, author, note, now)
    response.headers["Location"] = f"/v1/models/{number}"
    head = _head(PublishedModel(number, document.document, author, note, now))
    return Published(**head.model_dump(), warnings=[remark(finding) for finding in warnings])


@router.get("", operation_id="list_models", dependencies=_READ, responses=problems())
def list_models(reader: ReaderDep) -> ModelList:
    """List every published model, oldest first."""
    with reading(reader.engine) as connection:
        return ModelList(data=[_head(model) for model in models.load_all(connection)])


@router.get("/schema", operation_id="get_model_schema", dependencies=_READ, responses=problems())
def get_model_schema() -> dict[str, JsonValue]:
    """Show the JSON Schema of a model document."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **ModelDocument.model_json_schema()}


@router.get("/{number}", operation_id="get_model", dependencies=_READ, responses=problems(404, 422))
def get_model(number: int, reader: ReaderDep) -> PublishedDocument:
    """Show one published model."""
    with reading(reader.engine) as connection:
        model = models.load(connection, number)
    return PublishedDocument(**_head(model).model_dump(), document=model.document)


@router.get("/{number}/diff/{other}", operation_id="diff_models", dependencies=_READ, responses=problems(404, 422))
def diff_models(number: int, other: int, reader: ReaderDep) -> ModelDiff:
    """Say what differs between two models, from the first to the second."""
    with reading(reader.engine) as connection:
        old, new = models.load(connection, number), models.load(connection, other)
    found = model_diff.diff(old.document, new.document)
    return ModelDiff.model_validate(
        {
            "from": number,
            "to": other,
            "words": [each.words for each in found],
            "differences": [
                ModelDifference(pointer=each.pointer, kind=each.kind, old=each.old, new=each.new, words=each.words)
                for each in found
            ],
        }
    )


@router.get(
    "/{number}/diagram",
    operation_id="draw_model",
    dependencies=_READ,
    responses={
        200: {
            "description": "The chart.",
            "content": {"image/svg+xml": {"schema": {"type": "string"}}, "text/plain": {"schema": {"type": "string"}}},
        },
        **problems(404, 422),
    },
    response_class=Response,
)
def draw_model(
    number: int,
    reader: ReaderDep,
    form: Annotated[DiagramFormat, Query(alias="format", description="As SVG, or as Mermaid text.")] = DiagramFormat.SVG,
) -> Response:
    """Draw the stage chart of a model; the same model gives the same bytes."""
    with reading(reader.engine) as connection:
        document = models.load(connection, number).document
    chart = diagram.read_chart(ModelDocument.model_validate(document), number)
    if form is DiagramFormat.MERMAID:
        return Response(diagram.draw_mermaid(chart), media_type="text/plain; charset=utf-8")
    return Response(draw_svg(chart), media_type="image/svg+xml")


def unwrap(text: ModelText, author: str) -> tuple[ModelText, str, str]:
    """Return the document of a body, its author and its note."""
    body = text.document
    if not isinstance(body, dict) or "document" not in body:
        return text, author, ""
    unknown = sorted(set(body) - {"document", "author", "note"})
    texts = [body.get("author") or author, body.get("note") or ""]
    if unknown or not all(isinstance(each, str) and len(each) <= _MOST_NOTE for each in texts):
        raise MalformedBody("Beside document stand author and note only, both texts.")
    return part_of(text, "document"), texts[0], texts[1]


def part_of(text: ModelText, name: str) -> ModelText:
    """Return what stands under a name of a body, with its lines and traps."""
    root = f"/{name}"
    lines = {pointer.removeprefix(root): line for pointer, line in text.lines.items() if _is_within(pointer, root)}
    traps = [(pointer.removeprefix(root), word) for pointer, word in text.traps if _is_within(pointer, root)]
    return ModelText(text.document[name], lines, traps)


def _is_within(pointer: str, root: str) -> bool:
    return pointer == root or pointer.startswith(f"{root}/")


def _head(model: PublishedModel) -> ModelHead:
    return ModelHead(
        number=model.number,
        name=str(model.document.get("name") or ""),
        author=model.author,
        note=model.note,
        created_at=format_instant(model.created_at),
    )


def remark(finding: Finding) -> Remark:
    """Return a finding as answers show it."""
    return Remark(
        severity=finding.severity,
        pointer=finding.pointer,
        line=finding.line,
        message=finding.message,
        suggestion=finding.suggestion,
    )

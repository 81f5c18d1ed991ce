"""``import`` as an operator uses it: JSON lines and CSV, maps, rejects, corrections, dry runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from lead_events.transfer.csv_map import list_maps, load_map
from lead_events.transfer.csv_values import read_date, read_decimal
from lead_events.transfer.files import LARGE
from tests import builders
from tests.cli.running import Ended, environment, run

HUBSPOT = (
    "Record ID,First Name,Last Name,Email,Phone Number,Job Title,Company Name,Annual Revenue,Create Date,"
    "Became a Customer Date,Recent Deal Amount,Lead Status,Last Modified Date,Favourite colour"
)
ANNA = (
    '501,Anna,Orlova,anna@firm.example,+7 495 123-45-67,Director,"Firm, Ltd","1,500,000",2025-03-01 09:30,'
    "2025-06-01 10:00,12000.50,,,red"
)
BORIS = "502,Boris,Ivanov,boris@shop.example,call after five,,Shop,,2025-04-01 09:30,,,UNQUALIFIED,2025-05-01 12:00,"
NOBODY = "503,,,not an address,,,,,2025-04-02 09:30,,,,,"
KEYLESS = ",Clara,,clara@firm.example,,,,,2025-04-02 09:30,,,,,"
DATELESS = "505,Dora,,dora@firm.example,,,,,,,,,,"
BAD_DATE = "506,Egor,,egor@firm.example,,,,,tomorrow,,,,,"


@pytest.fixture
def env(database_url: str) -> dict[str, str]:
    """An environment whose database is migrated and founded."""
    found = environment(database_url)
    assert run(found, "migrate").returncode == 0
    return found


def write(path: Path, *lines: str, encoding: str = "utf-8") -> str:
    """Write a file and return its name."""
    path.write_bytes("".join(f"{line}\n" for line in lines).encode(encoding))
    return str(path)


def exported(env: dict[str, str], folder: Path) -> list[dict[str, Any]]:
    """Return the whole log as an export writes it."""
    out = folder / "all.jsonl"
    assert run(env, "export", "--out", str(out)).returncode == 0
    return [orjson.loads(line) for line in out.read_bytes().splitlines()]


def rejects(path: str) -> list[dict[str, Any]]:
    """Return the rejects file that belongs to a file."""
    return [orjson.loads(line) for line in Path(f"{path}.rejects.jsonl").read_bytes().splitlines()]


def hubspot(env: dict[str, str], file: str, *options: str) -> Ended:
    """Import a file of contacts."""
    return run(env, "import", file, "--map", "hubspot-contacts", "--source", "hubspot", *options)


def test_contacts_become_people_with_their_outcomes(env: dict[str, str], tmp_path: Path) -> None:
    """Traits, identifiers, times and outcomes are where the map says; the column it does not know is named."""
    ended = hubspot(env, write(tmp_path / "c.csv", HUBSPOT, ANNA, BORIS))
    assert (ended.returncode, ended.stdout) == (0, "4 events: 4 added, 0 already there, 0 quarantined, 0 rejected.\n")
    assert "Favourite colour" in ended.stderr
    created, won, other, rejected = exported(env, tmp_path)
    assert created["traits"] == {
        "email": "anna@firm.example", "phone": "+74951234567", "first_name": "Anna", "last_name": "Orlova",
        "job_title": "Director", "company": "Firm, Ltd", "annual_turnover": 1_500_000,
    }  # fmt: skip
    assert (created["at"], created["known_at"]) == ("2025-03-01T09:30:00.000000Z",) * 2
    assert (created["crm_ids"], created["source"]) == ({"hubspot": "501"}, "hubspot")
    assert (won["type"], won["properties"], won["at"][:10]) == ("deal.won", {"amount": "12000.50"}, "2025-06-01")
    assert (rejected["type"], rejected["properties"]) == ("lead.rejected", {"reason": "unqualified"})
    assert other["traits"]["phone_as_written"] == "call after five"
    assert rejected["traits"] == {"email": "boris@shop.example"}


def test_importing_twice_adds_nothing(env: dict[str, str], tmp_path: Path) -> None:
    """A row is the same event in every file of the same map, in any order."""
    hubspot(env, write(tmp_path / "a.csv", HUBSPOT, ANNA, BORIS))
    again = hubspot(env, write(tmp_path / "b.csv", HUBSPOT, BORIS, ANNA))
    assert again.stdout.startswith("4 events: 0 added, 4 already there, 0 quarantined")


def test_a_corrected_file_adds_only_what_is_new(env: dict[str, str], tmp_path: Path) -> None:
    """A changed trait is one more event; a changed deal waits for a person; what was rejected and is mended is added."""
    bad = write(tmp_path / "a.csv", HUBSPOT, ANNA, BORIS, KEYLESS)
    assert hubspot(env, bad).returncode == 1
    mended = ANNA.replace("Director", "Owner").replace("12000.50", "99.00")
    ended = hubspot(env, write(tmp_path / "b.csv", HUBSPOT, mended, BORIS, "504" + KEYLESS))
    assert ended.stdout == "5 events: 2 added, 2 already there, 1 quarantined, 0 rejected.\n"
    assert len(run(env, "quarantine", "list").stdout.splitlines()) == 1
    new = exported(env, tmp_path)[-2:]
    assert [line["traits"].get("job_title") for line in new] == ["Owner", None]


def test_bad_rows_are_kept_aside_with_line_and_reason(env: dict[str, str], tmp_path: Path) -> None:
    """Good rows are kept, a contact that is none is kept as written, every other bad row says what is wrong with it."""
    file = write(tmp_path / "c.csv", HUBSPOT, ANNA, NOBODY, KEYLESS, DATELESS, BAD_DATE, "506,too,short")
    ended = hubspot(env, file)
    assert ended.returncode == 1
    assert "3 added" in ended.stdout
    assert [(each["line"], each["code"]) for each in rejects(file)] == [
        (4, "missing_key"), (5, "no_event"), (6, "invalid_time"), (7, "wrong_columns"),
    ]  # fmt: skip
    assert rejects(file)[0]["text"] == KEYLESS


def test_lines_are_numbered_across_quoted_line_ends(env: dict[str, str], tmp_path: Path) -> None:
    """A cell may hold a line end; the row that follows it is still found where the file says."""
    file = write(tmp_path / "c.csv", HUBSPOT, ANNA.replace("Director", '"Director\nof sales"'), KEYLESS)
    hubspot(env, file)
    assert [each["line"] for each in rejects(file)] == [4]


@pytest.mark.parametrize(("encoding", "option"), [("utf-8", ()), ("utf-8-sig", ()), ("cp1251", ("--encoding", "cp1251"))])
def test_usual_encodings_and_delimiters_are_read(
    env: dict[str, str], tmp_path: Path, encoding: str, option: tuple[str, ...]
) -> None:
    """What a Russian Excel saves is read as well as what HubSpot exports."""
    rows = ("Record ID;First Name;Email;Create Date", "7;Анна;anna@firm.example;2025-03-01 09:30")
    ended = hubspot(env, write(tmp_path / "c.csv", *rows, encoding=encoding), *option)
    assert "1 added" in ended.stdout
    assert exported(env, tmp_path)[0]["traits"]["first_name"] == "Анна"


def test_another_encoding_is_refused_by_name(env: dict[str, str], tmp_path: Path) -> None:
    """No letters are guessed."""
    rows = ("Record ID,First Name,Email,Create Date", "7,Анна,anna@firm.example,2025-03-01 09:30")
    ended = hubspot(env, write(tmp_path / "c.csv", *rows, encoding="cp1251"))
    assert (ended.returncode, "--encoding" in ended.stderr) == (2, True)


def test_a_dry_run_shows_and_writes_nothing(env: dict[str, str], tmp_path: Path) -> None:
    """The first ten events as JSON, how many there would be, and no event in the log."""
    file = write(tmp_path / "c.csv", HUBSPOT, *(ANNA.replace("501", str(n)) for n in range(8)), KEYLESS)
    ended = hubspot(env, file, "--dry-run")
    assert ended.stdout.count('"event_id"') == 10
    assert "16 events would be sent and 1 rejected; nothing was written." in ended.stdout
    assert "line 10" in ended.stderr
    assert exported(env, tmp_path) == []
    assert [path.name for path in tmp_path.glob("*.rejects.jsonl")] == []


def test_a_file_that_does_not_fit_the_map_is_refused_at_once(env: dict[str, str], tmp_path: Path) -> None:
    """It says what is missing, before a single row is read."""
    ended = hubspot(env, write(tmp_path / "c.csv", "Name,Mail", "Anna,anna@firm.example"))
    assert ended.returncode == 2
    for word in ("key: Record ID", "identifiers: Email", "occurred_at: Create Date"):
        assert word in ended.stderr


def test_salesforce_reports_and_data_loader_files_are_read(env: dict[str, str], tmp_path: Path) -> None:
    """Both spellings of the headings mean the same."""
    loader = write(
        tmp_path / "l.csv", "Id,LastName,Company,Email,Status,CreatedDate,LastModifiedDate,HasOptedOutOfEmail",
        "00Q1,Orlova,Firm,anna@firm.example,Unqualified,2025-03-01T09:30:00.000Z,2025-04-01T09:30:00.000Z,true",
    )  # fmt: skip
    report = write(
        tmp_path / "r.csv", "Lead ID,Last Name,Company / Account,Email,Lead Status,Create Date",
        "00Q2,Ivanov,Shop,boris@shop.example,Nurture,3/31/2025",
    )  # fmt: skip
    contact = write(
        tmp_path / "k.csv", "Contact ID,Last Name,Account Name,Email,Created Date", "0031,Li,Co,li@co.example,3/31/2025"
    )
    assert "3 added" in run(env, "import", loader, "--map", "salesforce-leads").stdout
    assert "2 added" in run(env, "import", report, "--map", "salesforce-leads").stdout
    assert "1 added" in run(env, "import", contact, "--map", "salesforce-contacts").stdout
    types = [line["type"] for line in exported(env, tmp_path)]
    assert types == [
        "lead.identified",
        "email.unsubscribed",
        "lead.rejected",
        "lead.identified",
        "lead.recycled",
        "lead.identified",
    ]


OWN_MAP = """
name: fair
key: Badge
dates: {formats: ["%d.%m.%Y"], time_zone: Europe/Moscow}
identifiers: {phone: Tel}
traits: {interests: {column: Topics, form: list}}
events:
  - {name: met, type: touch.recorded, occurred_at: Day, traits: true, properties: {channel: {constant: fair}}}
outcomes:
  - column: Result
    occurred_at: [Closed, Day]
    properties: {amount: {column: Sum, form: amount}, currency: {constant: RUB}}
    values:
      Продано: {type: deal.won}
      Отказ: {type: deal.lost, properties: {reason: Why}}
"""


def test_a_map_of_ones_own_says_what_columns_mean(env: dict[str, str], tmp_path: Path) -> None:
    """Dates in a zone, lists, constants, and outcomes with amount, currency and reason."""
    document = write(tmp_path / "fair.yaml", OWN_MAP)
    rows = (
        "Badge|Tel|Day|Topics|Result|Closed|Sum|Why",
        "a/1|8 495 123 45 67|01.03.2025|CRM; SEO|продано|02.03.2025|1 234,50|",
        "a/2|+74951234568|01.03.2025||Отказ|||too_expensive",
    )
    file = write(tmp_path / "f.tsv", *(row.replace("|", "\t") for row in rows))
    ended = run({**env, "LEAD_EVENTS_PHONE_REGION": "RU"}, "import", file, "--map", document)
    assert "4 added" in ended.stdout
    met, won, _, lost = exported(env, tmp_path)
    assert (met["at"], met["traits"]["interests"]) == ("2025-02-28T21:00:00.000000Z", ["CRM", "SEO"])
    assert (won["type"], won["properties"]) == ("deal.won", {"amount": "1234.50", "currency": "RUB"})
    assert (lost["type"], lost["properties"]) == ("deal.lost", {"currency": "RUB", "reason": "too_expensive"})
    assert met["event_id"].startswith("import:fair:sha256-")


def test_a_wrong_map_names_its_field(env: dict[str, str], tmp_path: Path) -> None:
    """One line that says where."""
    wrong = write(tmp_path / "m.yaml", OWN_MAP.replace("time_zone: Europe/Moscow", "time_zone: Moskau"))
    ended = run(env, "import", write(tmp_path / "f.csv", "Badge"), "--map", wrong)
    assert (ended.returncode, "dates.time_zone" in ended.stderr) == (2, True)


@pytest.mark.parametrize("name", list_maps())
def test_shipped_maps_are_what_they_are_called(name: str) -> None:
    """Each can be loaded and names its events once for one row."""
    document = load_map(name)
    assert document.name == name
    assert {"created", "unsubscribed"} <= {event.name for event in document.all_events()}


def test_plain_events_are_taken_as_the_door_takes_them(env: dict[str, str], tmp_path: Path) -> None:
    """Good lines are kept, bad ones say why, and a line without an id is the same event next time."""
    view, won = builders.page_viewed(event_id=None), builders.deal_won(event_id="d-1")
    lines = [orjson.dumps(view).decode(), "", "{", orjson.dumps({**won, "type": "Deal Won"}).decode(), orjson.dumps(won).decode()]
    file = write(tmp_path / "e.jsonl", *lines)
    first, second = run(env, "import", file), run(env, "import", file, "--announce")
    assert (first.returncode, first.stdout) == (1, "4 events: 2 added, 0 already there, 0 quarantined, 2 rejected.\n")
    assert second.stdout == "4 events: 0 added, 2 already there, 0 quarantined, 2 rejected.\n"
    assert [(each["line"], each["code"]) for each in rejects(file)] == [(3, "invalid_json"), (4, "invalid_type")]
    stored = exported(env, tmp_path)
    assert [(line["source"], line["trusted"], line["announce"]) for line in stored] == [("import", True, False)] * 2
    assert stored[0]["known_at"] == stored[0]["occurred_at"] == builders.OCCURRED_AT


def test_a_large_file_is_judged_by_other_processes(env: dict[str, str], tmp_path: Path) -> None:
    """Order, line numbers and counts are those of a small one."""
    view = builders.page_viewed(title="x" * 1_000)
    lines = [orjson.dumps({**view, "event_id": f"e-{n}"}).decode() for n in range(LARGE // 1_000)]
    lines[3_000] = "not JSON"
    file = write(tmp_path / "e.jsonl", *lines)
    assert f"{len(lines) - 1:,} added" in run(env, "import", file).stdout
    assert [each["line"] for each in rejects(file)] == [3_001]
    assert [line["event_id"] for line in exported(env, tmp_path)] == [f"e-{n}" for n in range(len(lines)) if n != 3_000]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1,234", "1234"), ("1.234,50 €", "1234.50"), ("$1,234,567", "1234567"), ("0.125", "0.125"), ("1234.567", "1234.567"),
        ("1 234,5", "1234.5"), ("-12", "-12"), ("many", None), ("1.2.3", None),
    ],
)  # fmt: skip
def test_numbers_are_read_as_people_write_them(text: str, number: str | None) -> None:
    """Thousands by group, decimals by the last mark; what is no number stays none."""
    assert read_decimal(text) == number


def test_dates_are_read_in_the_first_format_that_fits() -> None:
    """Without an offset they are local times of the map's zone; with one they are not."""
    dates = load_map("salesforce-leads").dates
    assert read_date("2025-03-01T09:30:00.000+0300", dates) == "2025-03-01T06:30:00.000000Z"
    assert read_date("3/31/2025, 9:05 PM", dates) == "2025-03-31T21:05:00.000000Z"
    assert read_date("31.3.2025", dates) is None

"""Wipes deleted rows from a database's files: a deleted row's bytes stay until something is written over them.

SQLite overwrites them itself (``secure_delete``), so only the write-ahead log has to be emptied; PostgreSQL has to rewrite
the tables, and its write-ahead log goes with the next checkpoints.
"""

from __future__ import annotations

from sqlalchemy import Engine

from lead_events.store import schema

_PERSONAL = (schema.leads, schema.parked, schema.refs, schema.keys, schema.sealed, schema.quarantine)
_PATIENCE_MILLISECONDS = 200


def scrub(engine: Engine) -> str:
    """Wipe what is left of deleted rows; returns what was done, for a person to read."""
    if engine.dialect.name == "sqlite":
        return "The write-ahead log is empty." if empty_wal(engine) else "Somebody still reads the write-ahead log; run it again."
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for table in _PERSONAL:
            connection.exec_driver_sql(f'VACUUM (FULL, ANALYZE) "{table.name}"')
        connection.exec_driver_sql("CHECKPOINT")
    return "The tables of leads and keys are rewritten. Older write-ahead log files and backups go as your server keeps them."


def empty_wal(engine: Engine) -> bool:
    """Move SQLite's write-ahead log into the database and cut it to nothing; PostgreSQL has none of this kind.

    Returns:
        Whether it is empty now; somebody who reads it keeps it for a moment.
    """
    if engine.dialect.name != "sqlite":
        return True
    raw = engine.raw_connection()
    try:
        cursor = raw.cursor()
        # Whoever writes waits while this waits for readers, so it gives up soon and is tried again.
        patience = cursor.execute("PRAGMA busy_timeout").fetchone()[0]
        cursor.execute(f"PRAGMA busy_timeout={_PATIENCE_MILLISECONDS}")
        is_busy = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        cursor.execute(f"PRAGMA busy_timeout={patience}")
    finally:
        raw.close()
    return not is_busy

"""Alembic's entry: runs on the connection that ``store/migrate.py`` hands over, inside its lock and transaction.

Nothing here opens a database or reads a setting.
"""

from alembic import context

from lead_events.store.schema import metadata

connection = context.config.attributes.get("connection")
if connection is None:
    raise SystemExit("Run ./lead-events migrate: it takes the lock under which a schema may change.")

context.configure(connection=connection, target_metadata=metadata, transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()

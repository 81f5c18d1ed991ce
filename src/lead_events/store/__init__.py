"""SQL through SQLAlchemy Core: the log, the vault, identity, read models, keys. Functions take a connection; few commit."""

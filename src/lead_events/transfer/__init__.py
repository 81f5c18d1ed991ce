"""History in and out: import, export and backup over the store; no HTTP and no folding."""

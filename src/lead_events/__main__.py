"""`python -m lead_events` and `./lead-events` are the same command line."""

from lead_events.cli import main

if __name__ == "__main__":
    main()

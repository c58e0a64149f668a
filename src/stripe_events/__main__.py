"""Let ``python -m stripe_events`` do what the command ``stripe-events`` does."""

from __future__ import annotations

import sys

from stripe_events.cli import main

if __name__ == "__main__":
    sys.exit(main())

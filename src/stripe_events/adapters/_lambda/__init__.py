"""What ``aws_lambda`` is made of: shapes of events, HTTP, buses, and time."""

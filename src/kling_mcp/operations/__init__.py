"""WHAT Kling can do: data only. Validators here do no I/O."""

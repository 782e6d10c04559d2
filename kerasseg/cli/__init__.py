"""The `kerasseg` command: `main` and one module for each verb.

Nothing here imports keras before a verb runs, so that `--help` is quick.
"""

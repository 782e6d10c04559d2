"""The `kerasseg` command: a module that can say that it starts the package."""

# True only while the command imports kerasseg, which then leaves it to the
# verbs to register layers: `--help` and `doctor` answer without keras. A
# process that the command spawns imports this module too, and kerasseg whole.
starting = False


def main() -> int:
    """Runs the command with the arguments of the process.

    Returns:
        The exit code.
    """
    global starting
    starting = True
    try:
        from kerasseg.cli import main as command
    finally:
        starting = False
    return command.main()

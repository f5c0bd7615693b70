"""``python -m tsuzuri``: the command line."""
from tsuzuri.cli import main

if __name__ == "__main__":
    main()

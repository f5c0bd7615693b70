"""tsuzuri data: the data sets."""
from typing import Annotated

from cyclopts import App, Parameter

data = App(name="data", help="Data sets by name.")


def register(app: App) -> None:
    """Put the group into the command line."""
    app.command(data)


@data.command(name="list")
def list_(*, json: Annotated[bool, Parameter(negative="")] = False) -> None:
    """List the data sets, their splits, and whether they are here already.

    Parameters
    ----------
    json
        Print one JSON object.
    """
    from tsuzuri.cli.output import print_json, print_table
    from tsuzuri.datasets import cache_folder, list_datasets
    rows = list_datasets()
    if json:
        return print_json({"folder": str(cache_folder()), "datasets": [row._asdict() for row in rows]})
    print_table(((row.name, row.what, ", ".join(row.splits), row.size, row.licence, "here" if row.present else "to be fetched")
                 for row in rows), ["name", "what", "splits", "size", "licence", ""])
    print(f"kept in {cache_folder()} (TSUZURI_DATA names another folder)")


@data.command
def get(name: str, /) -> None:
    """Fetch a data set, once, and check it; print where it is.

    Examples:

      tsuzuri data get ptb

    Parameters
    ----------
    name
        A name from `tsuzuri data list`.
    """
    from tsuzuri.cli.output import note
    from tsuzuri.datasets import fetch
    fetched = fetch(name)
    note(f"{name}: {'fetched' if fetched.downloaded else 'was here already'}; licence: {fetched.licence}")
    for path in fetched.paths:
        print(path)
